import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { limit, startEntraWorld } from './entra-world.ts'

/** A key with its certificate, as the settings take it and as the app registration has it. */
const certified = (kind: 'x5c' | 'x5t#S256') => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const certificate = randomBytes(600)
  const thumbprint = createHash('sha256').update(certificate).digest('base64url')
  const member = kind === 'x5c' ? { x5c: [certificate.toString('base64')] } : { [kind]: thumbprint }
  return {
    jwk: { ...privateKey.export({ format: 'jwk' }), ...member },
    registered: { thumbprint, publicKey },
  }
}

const byKeys = (...keys: readonly { readonly jwk: object }[]) => ({
  OIDC_CLIENT_AUTH: 'private_key_jwt',
  OIDC_CLIENT_SECRET: '',
  OIDC_CLIENT_KEYS: JSON.stringify(keys.map(({ jwk }) => jwk)),
})

for (const kind of ['x5c', 'x5t#S256'] as const)
  for (const issuer of ['shared', 'own'] as const)
    test(
      `entra › a certificate, named by ${kind}, at the ${issuer} issuer (C7, SBCP-2.5-a) › logs in and refreshes`,
      limit,
      async (t) => {
        const key = certified(kind)
        const over = issuer === 'own' ? { OIDC_ISSUER: '' } : {}
        const world = await startEntraWorld(t, { ...byKeys(key), ...over })
        world.entra.script.certificates = [key.registered]
        const user = await world.loggedIn()
        world.clock.advance(90 * 60)
        const answer = await user.call('/api/orders')
        assert.equal(answer.status, 200, answer.text + world.log())
        assert.equal(world.entra.refreshes().length, 1)
      },
    )

test(
  'entra › two certificates during a change, whichever of them the app registration has › logs in by it',
  limit,
  async (t) => {
    const [next, old] = [certified('x5c'), certified('x5c')]
    const world = await startEntraWorld(t, byKeys(next, old))
    world.entra.script.certificates = [old.registered]
    assert.equal((await (await world.loggedIn()).session())['authenticated'], true)
    world.entra.script.certificates = [next.registered]
    assert.equal((await (await world.loggedIn()).session())['authenticated'], true)
  },
)

test('entra › a certificate that the app registration has not › no login', limit, async (t) => {
  const world = await startEntraWorld(t, byKeys(certified('x5c')))
  world.entra.script.certificates = [certified('x5c').registered]
  const user = world.newBrowser()
  assert.equal((await user.navigate('/login')).status, 400)
  assert.equal((await user.session())['authenticated'], false)
})
