import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Tenant } from '../../server/config/config.ts'
import type { WorldOptions } from '../support/world.ts'
import { startWorld } from '../support/world.ts'
import type { Module } from './oidf-modules.ts'
import {
  idToken,
  altered,
  unsigned,
  bent,
  symmetric,
  withoutKid,
  metadata,
  bentEllipticLogin,
  twoKeys,
  unparseableKeys,
  rotatedBetween,
  rotatedJustBefore,
  userInfo,
  showsUserInfo,
  jane,
  bearerHeader,
  formPostError,
  thirdParty,
  basicClient,
  sendsNonce,
  logsOut,
  refreshes,
  comesBackTo,
  movedEndpoints,
  movedKeys,
  otherIssuer,
} from './oidf-modules.ts'
import { acceptsLogin, frontchannel, logoutEndsAt, opLogout, refusesLogin } from './oidf-steps.ts'

const modules: Readonly<Record<string, Module>> = {
  'oidcc-client-test': acceptsLogin,
  'oidcc-client-test-client-secret-basic': basicClient,
  'oidcc-client-test-nonce-unless-code-flow': sendsNonce,
  'oidcc-client-test-nonce-invalid': idToken({ nonce: 'another' }, refusesLogin),
  'oidcc-client-test-invalid-iss': idToken({ iss: 'https://evil.test' }, refusesLogin),
  'oidcc-client-test-missing-sub': idToken({ sub: undefined }, refusesLogin),
  'oidcc-client-test-invalid-aud': idToken({ aud: 'another' }, refusesLogin),
  'oidcc-client-test-missing-aud': idToken({ aud: undefined }, refusesLogin),
  'oidcc-client-test-missing-iat': idToken({ iat: undefined }, refusesLogin),
  'oidcc-client-test-invalid-athash': idToken({ at_hash: 'x'.repeat(22) }, refusesLogin),
  'oidcc-client-test-missing-athash': idToken({ at_hash: undefined }, acceptsLogin),
  'oidcc-client-test-idtoken-sig-rs256': acceptsLogin,
  'oidcc-client-test-idtoken-sig-none': metadata(
    () => ({ id_token_signing_alg_values_supported: ['RS256', 'none'] }),
    altered(unsigned, refusesLogin),
  ),
  'oidcc-client-test-invalid-sig-rs256': altered(bent, refusesLogin),
  'oidcc-client-test-invalid-sig-es256': bentEllipticLogin,
  'oidcc-client-test-invalid-sig-hs256': metadata(
    () => ({ id_token_signing_alg_values_supported: ['RS256', 'HS256'] }),
    altered(symmetric, refusesLogin),
  ),
  'oidcc-client-test-kid-absent-single-jwks': altered(withoutKid, acceptsLogin),
  'oidcc-client-test-kid-absent-multiple-jwks': twoKeys,
  'oidcc-client-test-ignores-unparseable-key-in-jwks': unparseableKeys,
  'oidcc-client-test-signing-key-rotation': rotatedBetween,
  'oidcc-client-test-signing-key-rotation-just-before-signing': rotatedJustBefore,
  'oidcc-client-test-discovery-openid-config': movedEndpoints,
  'oidcc-client-test-discovery-jwks-uri-keys': movedKeys,
  'oidcc-client-test-discovery-issuer-mismatch': otherIssuer,
  'oidcc-client-test-scope-userinfo-claims': (world) => userInfo(world, jane, showsUserInfo),
  'oidcc-client-test-userinfo-bearer-header': bearerHeader,
  'oidcc-client-test-userinfo-invalid-sub': (world) =>
    userInfo(world, { ...jane, sub: 'another' }, refusesLogin),
  'oidcc-client-test-userinfo-signed': (world) => userInfo(world, jane, showsUserInfo, true),
  'oidcc-client-test-aggregated-claims': (world) =>
    userInfo(
      world,
      { ...jane, _claim_names: { address: 'src1' }, _claim_sources: { src1: { JWT: 'a.b.c' } } },
      showsUserInfo,
    ),
  'oidcc-client-test-form-post-error': formPostError,
  'oidcc-client-test-3rd-party-init-login': thirdParty,
  'oidcc-client-test-refresh-token': refreshes({}, 200),
  'oidcc-client-test-refresh-token-invalid-issuer': refreshes({ iss: 'https://evil.test' }, 401),
  'oidcc-client-test-refresh-token-invalid-sub': refreshes({ sub: 'another' }, 401),
  'oidcc-client-test-refresh-token-invalid-aud': refreshes({ aud: 'another' }, 401),
  'oidcc-client-test-refresh-token-invalid-azp': refreshes({ azp: 'another' }, 401),
  'oidcc-client-test-rp-init-logout': comesBackTo('/bye'),
  'oidcc-client-test-rp-init-logout-other-state': comesBackTo('/', (back) => {
    back.searchParams.set('state', 'another')
  }),
  'oidcc-client-test-rp-init-logout-no-state': comesBackTo('/', (back) => {
    back.searchParams.delete('state')
  }),
  'oidcc-client-test-rp-frontchannel-opinitlogout': opLogout,
  'oidcc-client-test-rp-frontchannel-rpinitlogout': async (world) => {
    assert.equal(await logoutEndsAt(world, () => frontchannel(world)), '/bye')
  },
  'oidcc-client-test-rp-backchannel-rpinitlogout': logsOut(200),
  'oidcc-client-test-rp-backchannel-rpinitlogout-alg-none': logsOut(400, {}, unsigned),
  'oidcc-client-test-rp-backchannel-rpinitlogout-no-event': logsOut(400, { events: undefined }),
  'oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce': logsOut(400, { nonce: 'n' }),
  'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg': logsOut(400, {}, symmetric),
  'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud': logsOut(400, { aud: 'another' }),
  'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event': logsOut(400, {
    events: { 'http://schemas.openid.net/event/another': {} },
  }),
  'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss': logsOut(400, {
    iss: 'https://evil.test',
  }),
}

// Ours, and written by hand.
const wanted = JSON.parse(
  readFileSync(new URL('oidf-modules.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly ['accepts' | 'refuses' | 'not offered', string]>>

const withTenant = (change: Partial<Tenant>): WorldOptions => ({
  config: (config) => ({ ...config, tenant: { ...config.tenant, ...change } }),
})

const settingsFor = (name: string): WorldOptions => {
  if (name.includes('form-post')) return withTenant({ responseMode: 'form_post' })
  return name.includes('frontchannel') ? withTenant({ frontchannel: 'iss_and_sid' }) : {}
}

for (const [name, module] of Object.entries(modules)) {
  const [verdict, why] = wanted[name] ?? ['', 'is not in oidf-modules.json']
  test(`OpenID Foundation, relying party › ${name} › ${verdict} ${why}`, async (t) => {
    await module(await startWorld(t, settingsFor(name)))
  })
}

test('OpenID Foundation, relying party › every module that is offered › has a test here', () => {
  const offered = Object.entries(wanted).filter(([, [verdict]]) => verdict !== 'not offered')
  assert.deepEqual(Object.keys(modules).toSorted(), offered.map(([name]) => name).toSorted())
})
