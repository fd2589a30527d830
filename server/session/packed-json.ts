import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'

/** Below this nothing is gained. */
const packedFromBytes = 512
const packedMark = 1

/**
 * Entropy coding alone: tokens are base64, six bits to a byte, and have nothing to repeat. It never looks for a text that came
 * before, so that sizes in a dump do not tell who guessed a part of a secret (as CRIME did)..
 */
const packing = { strategy: constants.Z_HUFFMAN_ONLY, memLevel: 8, windowBits: 12 } as const
const mostBytes = 2 ** 24

/** A value as JSON, long ones a quarter shorter. */
export const packJson = (value: unknown): Buffer => {
  const json = Buffer.from(JSON.stringify(value))
  if (json.length < packedFromBytes) return json
  return Buffer.concat([Buffer.from([packedMark]), deflateRawSync(json, packing)])
}

/** The value of `packJson`; JSON as it is starts with a character of its own. */
export const unpackJson = (bytes: Buffer): unknown => {
  const json =
    bytes[0] === packedMark
      ? inflateRawSync(bytes.subarray(1), { maxOutputLength: mostBytes })
      : bytes
  return JSON.parse(json.toString('utf8'))
}
