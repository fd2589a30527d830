import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { addRealm } from './further-realm.ts'
import type { Realm } from './realm.ts'
import { users } from './realm.ts'

/** What docs/providers/keycloak.md tells to add to the realm, for levels of authentication. */
const levelsFile = new URL('../../docs/providers/keycloak-step-up.json', import.meta.url).pathname

const realmName = 'latchkey-levels'
const otpSecret = 'a-secret-of-an-authenticator'

/** Everybody's authenticator app. */
const otpCredential = {
  type: 'otp',
  secretData: JSON.stringify({ value: otpSecret }),
  credentialData: JSON.stringify({
    subType: 'totp',
    digits: 6,
    counter: 0,
    period: 30,
    algorithm: 'HmacSHA1',
  }),
}

/** What the authenticator app shows now. RFC 6238 section 4, RFC 4226 section 5.3. */
export const oneTimeCode = (): string => {
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
  const mac = createHmac('sha1', otpSecret).update(time).digest()
  const offset = (mac.at(-1) ?? 0) & 0xf
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff
  return String(number % 1_000_000).padStart(6, '0')
}

type RealmFile = { readonly attributes?: Readonly<Record<string, string>> }

// The file of the documentation, as Keycloak reads it.
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as RealmFile

/** A realm where `silver` is a password and `gold` a one-time code besides. */
const startLevels = (): Promise<Realm> => {
  const { attributes, ...levels } = read(levelsFile)
  const everybody = users.map((user) => ({
    ...user,
    credentials: [...user.credentials, otpCredential],
  }))
  return addRealm(realmName, everybody, {
    ...levels,
    // Logins of one person follow each other faster here than codes do.
    attributes: { ...attributes, realmReusableOtpCode: 'true' },
  })
}

let started: Promise<Realm> | undefined

/** Made by the first test that needs it; gone with its Keycloak. */
export const levelsRealm = (): Promise<Realm> => (started ??= startLevels())
