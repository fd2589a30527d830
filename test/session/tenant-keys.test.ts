import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { asRecordId, asTenantId } from '../../server/core/ids.ts'
import { systemRandom } from '../../server/core/random.ts'
import { secret } from '../../server/core/secret.ts'
import { keyedHash } from '../../server/http/keyed-hash.ts'
import { sealer } from '../../server/session/seal.ts'
import { tenantBackend, tenantSecrets } from '../../server/session/tenant-keys.ts'
import { spyBackend } from '../support/spy-backend.ts'

const settings = {
  secrets: [secret('the-newer-of-two-signing-secrets!!!!'), secret('the-older-of-two-signing-secrets!!!!')],
  keys: [
    { kid: 'k2', key: secret(Buffer.alloc(32, 2)) },
    { kid: 'k1', key: secret(Buffer.alloc(32, 1)) },
  ],
} // prettier-ignore

const shown = (tenant: string) => {
  const { secrets, keys } = tenantSecrets(settings, asTenantId(tenant))
  return {
    secrets: secrets.map((one) => one.reveal()),
    keys: keys.map(({ kid, key }) => `${kid} ${key.reveal().toString('hex')}`),
  }
}

test("tenantSecrets › the default tenant › has the settings' own: sessions outlive an update", () => {
  assert.deepEqual(tenantSecrets(settings, asTenantId('default')), settings)
})

test('tenantSecrets › any two tenants › have no secret in common, as many as the settings, the same each time', () => {
  const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 2, maxLength: 4 }), (ids) => {
      const all = ids.map(shown)
      const texts = all.flatMap(({ secrets, keys }) => [...secrets, ...keys])
      assert.equal(new Set(texts).size, ids.length * 4)
      assert.deepEqual(ids.map(shown), all)
      for (const { secrets, keys } of all) {
        assert.ok(secrets.every((text) => text.length >= 32))
        assert.deepEqual(keys.map((key) => key.split(' ')[0]), ['k2', 'k1']) // prettier-ignore
      }
    }),
    { numRuns: 50 },
  )
})

test('tenantSecrets › what one tenant hashed or sealed › is nothing to another', () => {
  const of = (tenant: string) => tenantSecrets(settings, asTenantId(tenant))
  const [acme, beta] = [of('acme'), of('beta')]
  for (const purpose of ['csrf', 'logout', 'step-up'] as const) {
    const hash = keyedHash(acme.secrets).of(purpose, 'id')
    assert.equal(keyedHash(acme.secrets).matches(purpose, 'id', hash), true)
    for (const other of [beta, of('default')])
      assert.equal(keyedHash(other.secrets).matches(purpose, 'id', hash), false)
  }
  const context = { secret: 'id', recordId: 'r', kind: 'session', version: 1 }
  const sealed = sealer(acme.keys, systemRandom).seal(context, Buffer.from('facts'))
  assert.ok(sealer(acme.keys, systemRandom).open(context, sealed))
  for (const other of [beta, of('default')])
    assert.equal(sealer(other.keys, systemRandom).open(context, sealed), undefined)
})

test('tenantBackend › every name from outside › lies in a space of its own', async () => {
  const spy = spyBackend()
  const [acme, beta] = ['acme', 'beta'].map((id) => tenantBackend(spy.backend, asTenantId(id)))
  if (acme === undefined || beta === undefined) return assert.fail()
  assert.equal(tenantBackend(spy.backend, asTenantId('default')), spy.backend)
  const value = Buffer.from('x')
  const id = asRecordId('r')
  await acme.put('k', value, 1_000)
  await acme.addToList('l', id, 1_000)
  await acme.raiseMark('m', 7, 1_000)
  await acme.putLogin('o', 's', { pending: value, return: value, ttlMs: 1_000, cap: 20 })
  assert.equal(await acme.putOnce('j', 1_000), true)
  for (const other of [beta, spy.backend]) {
    assert.equal(await other.peek('k'), undefined)
    assert.equal(await other.take('k'), undefined)
    assert.deepEqual(await other.listed('l'), [])
    assert.equal(await other.markOf('m'), undefined)
    assert.equal((await other.takeLogin('o', 's')).pending, undefined)
    assert.equal(await other.putOnce('j', 1_000), true)
  }
  assert.deepEqual(await acme.peek('k'), value)
  assert.deepEqual(await acme.take('k'), value)
  assert.deepEqual(await acme.listed('l'), [id])
  assert.equal(await acme.markOf('m'), 7)
  assert.deepEqual((await acme.takeLogin('o', 's')).pending, value)
  assert.equal(await acme.putOnce('j', 1_000), false)
})
