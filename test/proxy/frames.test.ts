import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  closeFrame,
  followFrames,
  followToFrameEnd,
  isBetweenFrames,
  newFrames,
} from '../../server/proxy/frames.ts'

type Frame = { readonly opcode: number; readonly masked: boolean; readonly length: number }

/** RFC 6455 section 5.2, written down for whole frames; every byte that carries no meaning is 0xff. */
const encode = ({ opcode, masked, length }: Frame): Buffer => {
  const extended = length > 65_535 ? 8 : length > 125 ? 2 : 0
  const header = Buffer.alloc(2 + extended)
  header[0] = 0x80 | opcode
  header[1] = (masked ? 0x80 : 0) | (extended === 8 ? 127 : extended === 2 ? 126 : length)
  if (extended === 2) header.writeUInt16BE(length, 2)
  if (extended === 8) header.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([header, Buffer.alloc((masked ? 4 : 0) + length, 0xff)])
}

const frame = fc.record({
  opcode: fc.constantFrom(0, 1, 2, 9, 10),
  masked: fc.boolean(),
  length: fc.oneof(
    { weight: 4, arbitrary: fc.nat(130) },
    fc.constantFrom(0, 125, 126, 127, 65_535, 65_536, 70_000),
  ),
})

const sent = fc.array(frame, { minLength: 1, maxLength: 8 }).map((frames) => {
  const parts = frames.map(encode)
  const ends = new Set([0])
  let length = 0
  for (const part of parts) ends.add((length += part.length))
  return { bytes: Buffer.concat(parts), ends }
})

/** Where the bytes are cut into chunks: anywhere, and with a liking for the first bytes, where headers are. */
const cuts = fc.array(fc.oneof(fc.nat(40), fc.nat(150_000)), { maxLength: 30 })

const chunksOf = (bytes: Buffer, at: readonly number[]): Buffer[] => {
  const inside = [...new Set(at)].filter((cut) => cut < bytes.length).sort((a, b) => a - b)
  return [0, ...inside].map((cut, i) => bytes.subarray(cut, inside[i] ?? bytes.length))
}

test('followFrames › any frames in any chunks › between frames exactly where one ends', () => {
  fc.assert(
    fc.property(sent, cuts, ({ bytes, ends }, at) => {
      const frames = newFrames()
      let seen = 0
      for (const chunk of chunksOf(bytes, at)) {
        followFrames(frames, chunk)
        seen += chunk.length
        assert.equal(isBetweenFrames(frames), ends.has(seen), `after ${seen} bytes`)
      }
      assert.equal(frames.isClosing, false)
    }),
  )
})

test('followFrames › byte by byte › the same', () => {
  const { bytes, ends } = {
    bytes: Buffer.concat([
      encode({ opcode: 1, masked: true, length: 3 }),
      encode({ opcode: 2, masked: false, length: 300 }),
    ]),
    ends: [9, 313],
  }
  const frames = newFrames()
  const found = [...bytes.keys()].filter((i) => {
    followFrames(frames, bytes.subarray(i, i + 1))
    return isBetweenFrames(frames)
  })
  assert.deepEqual(
    found.map((i) => i + 1),
    ends,
  )
})

test('followToFrameEnd › the rest of a frame and what follows it › takes the rest alone', () => {
  fc.assert(
    fc.property(sent, fc.nat(), ({ bytes, ends }, n) => {
      const start = n % bytes.length
      const frames = newFrames()
      followFrames(frames, bytes.subarray(0, start))
      const taken = followToFrameEnd(frames, bytes.subarray(start))
      const next = Math.min(...[...ends].filter((end) => end >= start))
      assert.equal(start + taken, next)
      assert.ok(isBetweenFrames(frames))
    }),
  )
})

test('followFrames › a close frame has begun › nothing may follow it', () => {
  const frames = newFrames()
  followFrames(frames, closeFrame(1000, '').subarray(0, 1))
  assert.deepEqual([frames.isClosing, isBetweenFrames(frames)], [true, false])
})

test('followFrames › a length beyond all numbers › never between frames again', () => {
  const frames = newFrames()
  followFrames(frames, Buffer.from([0x82, 127, 0xff, 255, 255, 255, 255, 255, 255, 255]))
  followFrames(frames, Buffer.alloc(100_000))
  assert.equal(isBetweenFrames(frames), false)
})

test('closeFrame › plain and masked › one frame of status and reason', () => {
  assert.deepEqual(closeFrame(4401, 'ab'), Buffer.from([0x88, 4, 0x11, 0x31, 0x61, 0x62]))
  const masked = closeFrame(1001, 'a', Buffer.from([1, 2, 3, 4]))
  assert.deepEqual(masked, Buffer.from([0x88, 0x83, 1, 2, 3, 4, 0x03 ^ 1, 0xe9 ^ 2, 0x61 ^ 3]))
})
