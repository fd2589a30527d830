import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { formatProblems } from '../../server/config/load.ts'
import { load, loaded, problems, production, provider, sealingKeyText, signingSecretText } from './loading.ts' // prettier-ignore

const long = 'x'.repeat(32)
const key = randomBytes(32).toString('base64')

const signing = [
  ['one', long, 1],
  ['two, newest first', `${long}1,${long}2`, 2],
  ['two with blanks', `${long}1 , ${long}2`, 2],
] as const
for (const [name, text, count] of signing)
  test(`SESSION_SECRET › ${name} › is taken in order`, () => {
    const secrets = loaded({ SESSION_SECRET: text }).session.secrets.map((one) => one.reveal())
    assert.equal(secrets.length, count)
    assert.deepEqual(secrets, text.split(/ ?, ?/))
  })

const badSigning = ['x'.repeat(31), `${long},short`, `${long},`, `,${long}`, `${long},${long}`]
for (const text of badSigning)
  test(`SESSION_SECRET › ${text.length} characters, ${text.split(',').length} parts › is refused`, () => {
    assert.equal(problems({ SESSION_SECRET: text }).length, 1)
  })

test('SESSION_KEYS › two in base64 and base64url › are taken in order', () => {
  const raw = Buffer.alloc(32, 0xfb)
  const text = `new:${raw.toString('base64')},old_1:${raw.toString('base64url')}`
  const { keys } = loaded({ SESSION_KEYS: text }).session
  assert.deepEqual(
    keys.map(({ kid, key }) => [kid, key.reveal().equals(raw)]),
    [
      ['new', true],
      ['old_1', true],
    ],
  )
})

const badKeys = [
  ['no kid', key],
  ['an empty kid', `:${key}`],
  ['a kid with a dot', `k.1:${key}`],
  ['a kid of 33 characters', `${'k'.repeat(33)}:${key}`],
  ['16 bytes', `k1:${randomBytes(16).toString('base64')}`],
  ['33 bytes', `k1:${randomBytes(33).toString('base64')}`],
  ['hex', `k1:${randomBytes(32).toString('hex')}`],
  ['no key', 'k1:'],
  ['text that is no base64', 'k1:***'],
  ['one kid twice', `k1:${key},k1:${key}`],
  ['a comma at the end', `k1:${key},`],
] as const
for (const [name, text] of badKeys)
  test(`SESSION_KEYS › ${name} › is refused`, () => {
    assert.equal(problems({ SESSION_KEYS: text }).length, 1)
  })

test('loadConfig › development without secrets › makes up new ones at each start', () => {
  const made = () => loaded({}).session.secrets.map((one) => one.reveal())
  assert.notDeepEqual(made(), made())
  assert.ok((made()[0]?.length ?? 0) >= 32)
})

const jwk = (kind: 'P-256' | 'P-384' | 'rsa' | 'ed25519' | 'x25519') => {
  if (kind === 'rsa') return exported(generateKeyPairSync('rsa', { modulusLength: 2048 }))
  if (kind === 'ed25519') return exported(generateKeyPairSync('ed25519'))
  if (kind === 'x25519') return exported(generateKeyPairSync('x25519'))
  return exported(generateKeyPairSync('ec', { namedCurve: kind }))
}
const exported = (pair: ReturnType<typeof generateKeyPairSync>) => ({
  ...pair.privateKey.export({ format: 'jwk' }),
  kid: 'c1',
})

const { OIDC_ISSUER, OIDC_CLIENT_ID } = provider
const keyed = (value: unknown) => ({
  OIDC_ISSUER,
  OIDC_CLIENT_ID,
  OIDC_CLIENT_AUTH: 'private_key_jwt',
  OIDC_CLIENT_KEYS: JSON.stringify(value),
})
for (const kind of ['P-256', 'P-384', 'rsa', 'ed25519'] as const)
  test(`OIDC_CLIENT_KEYS › a private ${kind} key without alg › is taken as it is`, () => {
    const key = jwk(kind)
    const auth = loaded(keyed([key])).tenant?.clientAuth
    assert.ok(auth?.method === 'private_key_jwt')
    assert.deepEqual(auth.keys.reveal(), [key])
  })

test('OIDC_CLIENT_KEYS › a JWK set with an alg of its own › keeps order and alg', () => {
  const auth = loaded(keyed({ keys: [{ ...jwk('rsa'), alg: 'PS256' }, jwk('P-256')] })).tenant
    ?.clientAuth
  assert.ok(auth?.method === 'private_key_jwt')
  assert.deepEqual(
    auth.keys.reveal().map((one) => one['alg']),
    ['PS256', undefined],
  )
})

const badClientKeys: readonly (readonly [string, unknown])[] = [
  ['no list', 'text'],
  ['an empty list', []],
  ['an empty set', { keys: [] }],
  ['a number among them', [jwk('P-256'), 7]],
  ['a public key', [{ ...jwk('P-256'), d: undefined }]],
  ['a key whose d is no key', [{ ...jwk('P-256'), d: '…' }]],
  ['a symmetric key', [{ kty: 'oct', k: key }]],
  ['a key that cannot sign', [jwk('x25519')]],
  ['an EC key for RS256', [{ ...jwk('P-256'), alg: 'RS256' }]],
  ['an RSA key for none', [{ ...jwk('rsa'), alg: 'none' }]],
]
for (const [name, value] of badClientKeys)
  test(`OIDC_CLIENT_KEYS › ${name} › is refused once`, () => {
    const found = problems(keyed(value))
    assert.equal(found.length, 1, found.join('\n'))
    assert.match(found[0] ?? '', /^OIDC_CLIENT_KEYS (?:is not a JSON|has a key)/)
  })

/** Each setting that can hold a secret, with it in a wrong text. */
const misplaced: readonly ((text: string) => Readonly<Record<string, string>>)[] = [
  (text) => ({ SESSION_SECRET: text.slice(0, 20) }),
  (text) => ({ SESSION_SECRET: `${text}${text},${text}${text}` }),
  (text) => ({ SESSION_KEYS: text }),
  (text) => ({ SESSION_KEYS: `k1:${text}` }),
  (text) => ({ REDIS_URL: `http://:${text}@redis.test` }),
  (text) => ({ REDIS_URL: `redis://:${text}@a.test,rediss://:${text}@b.test` }),
  (text) => ({ OIDC_CLIENT_SECRET: text, OIDC_ISSUER: '' }),
  (text) => ({ OIDC_CLIENT_SECRET: text, OIDC_CLIENT_SECRET_FILE: '/secret' }),
  (text) => ({ OIDC_CLIENT_AUTH: 'private_key_jwt', OIDC_CLIENT_KEYS: `[{"d":"${text}"}]` }),
  (text) => ({ OIDC_CLIENT_AUTH: 'private_key_jwt', OIDC_CLIENT_KEYS: text }),
  (text) => ({ OIDC_AUTH_PARAMS: `state=${text}` }),
  (text) => ({ BASE_URL: `https://user:${text}@app.test` }),
  (text) => ({ OIDC_ISSUER: `https://user:${text}@id.test` }),
  (text) => ({ UPSTREAM: `http://user:${text}@api.test` }),
  (text) => ({
    PORT: text,
    LOG_LEVEL: text,
    TRUST_PROXY: text,
    OIDC_PROFILE: text,
    NODE_ENV: text,
  }),
  (text) => ({ METRICS_TOKEN: text, FORWARD_AUTH_SECRET: text, PORT: 'x' }),
  (text) => ({ OIDC_CLIENT_SECRET_NEXT: `your-${text}`, NODE_ENV: 'production', BASE_URL: 'x' }),
]

test('formatProblems › any secret in any wrong setting › is never shown', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[A-Za-z0-9]{24}$/),
      fc.constantFrom(...misplaced),
      (text, wrong) => {
        const result = load({ ...provider, ...wrong(text) }, { '/secret': text })
        assert.ok(!result.ok)
        const shown = `${formatProblems(result.problems)}${inspect(result)}`
        assert.ok(!shown.includes(text.slice(0, 20)), shown)
      },
    ),
    { numRuns: 500 },
  )
})

test('loadConfig › the settings printed in any way › show no secret', () => {
  const own = { SESSION_SECRET: signingSecretText(), FORWARD_AUTH_SECRET: signingSecretText() }
  const env = { ...production, ...own, SESSION_KEYS: sealingKeyText() }
  const config = loaded(env)
  const shown = `${JSON.stringify(config)}${inspect(config, { depth: 9, showHidden: true })}`
  const { SESSION_KEYS, OIDC_CLIENT_SECRET, REDIS_URL } = env
  const plain = [...Object.values(own), OIDC_CLIENT_SECRET, REDIS_URL]
  for (const text of [...plain, SESSION_KEYS.slice(3)]) assert.ok(!shown.includes(text))
})
