import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../server/core/errors.ts'
import { asIssuer } from '../../server/core/ids.ts'
import { silentLog } from '../../server/core/log.ts'
import { issuers } from '../../server/oidc/issuers.ts'
import { capturedLog } from '../support/captured-log.ts'
import { testClock, testConfig } from '../support/world.ts'

const issuer = 'https://id.example/realms/main'

const endpoints = {
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/certs`,
  userinfo_endpoint: `${issuer}/userinfo`,
  revocation_endpoint: `${issuer}/revoke`,
  end_session_endpoint: `${issuer}/logout`,
}

type Json = Record<string, unknown>

/** Issuers whose only web is one metadata document; and every address that was asked for. */
const known = (metadata: Json, configured = issuer, discoveryUrl?: string) => {
  const asked: string[] = []
  const clock = testClock()
  const party = issuers({
    clock,
    log: silentLog,
    fetch: (url) => {
      asked.push(url)
      return Promise.resolve(Response.json(metadata))
    },
  })
  const tenant = {
    ...testConfig('https://app.example', configured, { origin: 'https://api.example' }).tenant,
    issuer: asIssuer(configured),
    discoveryUrl,
  }
  return { met: () => party.metAt(tenant), status: () => party.status(tenant), asked, clock }
}

test('issuers › the address has no metadata › the log names the address and the status', async () => {
  const { log, text } = capturedLog()
  const party = issuers({
    clock: testClock(),
    log,
    fetch: () => Promise.resolve(new Response('no such realm', { status: 404 })),
  })
  const { tenant } = testConfig('https://app.example', issuer, { origin: 'https://api.example' })
  await assert.rejects(party.metAt(tenant), refuses)
  const { issuer: named, address, status } = JSON.parse(text()) as Json
  assert.deepEqual([named, address, status], [issuer, `${issuer}${wellKnown}`, 404])
})

const refuses = (error: unknown) => error instanceof BrokerError && error.code === 'idp_unavailable'

test('issuers › nobody logs in › the metadata is not asked for; then once for all', async () => {
  const { met, status, asked } = known(endpoints)
  assert.equal(status(), 'not_asked_yet')
  assert.deepEqual(asked, [])
  await Promise.all(Array.from({ length: 10 }, met))
  await met()
  assert.deepEqual(asked, [`${issuer}/.well-known/openid-configuration`])
  assert.equal(status(), 'ok')
})

const inside = 'https://id.internal:8443/realms/main'
const wellKnown = '/.well-known/openid-configuration'

for (const discoveryUrl of [`${inside}${wellKnown}`, inside, `${inside}/`])
  test(`issuers › OIDC_DISCOVERY_URL=${discoveryUrl} › the metadata is read there, once, and is the public issuer's`, async () => {
    const { met, status, asked } = known(endpoints, issuer, discoveryUrl)
    await met()
    assert.deepEqual(asked, [`${inside}${wellKnown}`])
    assert.equal(status(), 'ok')
  })

for (const name of Object.keys(endpoints).filter((key) => key !== 'issuer'))
  for (const address of ['http://id.example/x', 'ftp://id.example/x', '/x', ''])
    test(`issuers › an https issuer with ${name} "${address}" › is refused whole`, async () => {
      const { met, status } = known({ ...endpoints, [name]: address })
      await assert.rejects(met(), refuses)
      assert.equal(status(), 'unreachable')
    })

for (const other of [
  `${issuer}/`,
  issuer.toUpperCase(),
  'https://ID.example/realms/main',
  'https://id.example:443/realms/main',
  'https://id.example/realms/%6Dain',
  'https://id.example/realms/x/../main',
])
  test(`issuers › metadata of ${other} (OIDCD-4.3-a) › is not that of ${issuer}`, async () => {
    await assert.rejects(known({ ...endpoints, issuer: other }).met(), refuses)
  })

test('issuers › an issuer with a slash at its end › its metadata is read without a double slash', async () => {
  const { met, asked } = known({ ...endpoints, issuer: `${issuer}/` }, `${issuer}/`)
  await met()
  assert.deepEqual(asked, [`${issuer}/.well-known/openid-configuration`])
})
