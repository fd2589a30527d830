import type { KeyObject } from 'node:crypto'
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

/** A certificate and its key as PEM. */
export type Certified = { readonly cert: string; readonly key: string }

/** A certificate authority of one test: certificates as TLS wants them (RFC 5280), written without any tool. */
export const certificateAuthority = (name = 'Test CA') => {
  const keys = pair()
  const issue = (subject: string, publicKey: KeyObject, extension: Buffer): string =>
    certificate({ issuer: name, subject, publicKey, signedWith: keys.privateKey, extension })
  return {
    ca: issue(name, keys.publicKey, basicConstraints),
    /** A server's certificate for a host name or an IP address. */
    serverFor: (host: string): Certified => {
      const { publicKey, privateKey } = pair()
      const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
      return { cert: issue(host, publicKey, alternativeName(host)), key }
    },
  }
}

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

const der = (tag: number, ...contents: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(contents)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content])
}

const sequence = (...parts: readonly Buffer[]) => der(0x30, ...parts)
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const octets = (content: Buffer) => der(0x04, content)

const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
const nameOf = (text: string) =>
  sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(text)))))

const yes = der(0x01, Buffer.from([0xff]))
const basicConstraints = sequence(oid('551d13'), yes, octets(sequence(yes)))

const alternativeName = (host: string): Buffer => {
  const entry =
    isIP(host) === 4
      ? der(0x87, Buffer.from(host.split('.').map(Number)))
      : der(0x82, Buffer.from(host))
  return sequence(oid('551d11'), octets(sequence(entry)))
}

/** Valid for a day around now. */
const validity = (): Buffer => {
  const day = 86_400_000
  const time = (ms: number) =>
    der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14)}Z`))
  return sequence(time(Date.now() - day), time(Date.now() + day))
}

type Contents = {
  readonly issuer: string
  readonly subject: string
  readonly publicKey: KeyObject
  readonly signedWith: KeyObject
  readonly extension: Buffer
}

const certificate = ({ issuer, subject, publicKey, signedWith, extension }: Contents): string => {
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(15)])
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ecdsaWithSha256,
    nameOf(issuer),
    validity(),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  )
  const signature = sign('sha256', content, signedWith)
  const whole = sequence(content, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
