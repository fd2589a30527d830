import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { IDToken } from 'openid-client'
import { checkIdToken } from '../../server/oidc/id-token-checks.ts'

const nowSeconds = 1_800_000_000
const accessToken = 'an-access-token'
const good: IDToken = {
  iss: 'https://id.example',
  sub: 'user-1',
  aud: 'bff',
  iat: nowSeconds,
  exp: nowSeconds + 300,
}

const halfHash = (algorithm: string): string => {
  const digest = createHash(algorithm).update(accessToken).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

const verdict = (change: Record<string, unknown>, algorithm = 'RS256', typ?: unknown): string => {
  // The table holds what a hostile issuer may send, whatever the type says.
  const claims = { ...good, ...change } as IDToken
  const checked = checkIdToken({
    claims,
    algorithm,
    typ,
    accessToken,
    issuer: 'https://id.example',
    clientId: 'bff',
    nowSeconds,
  })
  return checked.ok ? 'ok' : checked.reason
}

const logoutEvents = { 'http://schemas.openid.net/event/backchannel-logout': {} }

const table = [
  ['nothing unusual', {}, 'ok'],
  ['iss another (OIDC-3.1.3.7-2)', { iss: 'https://id.example/' }, 'other_issuer'],
  ['iss missing (OIDC-3.1.3.7-2)', { iss: undefined }, 'other_issuer'],
  ['sub of 255 characters', { sub: 'x'.repeat(255) }, 'ok'],
  ['sub of 256 characters', { sub: 'x'.repeat(256) }, 'sub_missing'],
  ['sub empty', { sub: '' }, 'sub_missing'],
  ['sub missing', { sub: undefined }, 'sub_missing'],
  ['sub a number', { sub: 1 }, 'sub_missing'],
  ['aud a list of us (OIDC-3.1.3.7-3)', { aud: ['bff'] }, 'ok'],
  ['aud another (OIDC-3.1.3.7-3)', { aud: 'evil' }, 'second_audience'],
  ['aud a second one (OIDC-3.1.3.7-3)', { aud: ['bff', 'evil'] }, 'second_audience'],
  [
    'aud a second one, azp us (OIDC-3.1.3.7-3)',
    { aud: ['bff', 'e'], azp: 'bff' },
    'second_audience',
  ],
  ['aud in another case (OIDC-3.1.3.7-3)', { aud: 'BFF' }, 'second_audience'],
  ['aud missing (OIDC-3.1.3.7-3)', { aud: undefined }, 'second_audience'],
  ['aud an empty list (OIDC-3.1.3.7-3)', { aud: [] }, 'second_audience'],
  ['azp us (OIDC-3.1.3.7-5)', { azp: 'bff' }, 'ok'],
  ['azp another (OIDC-3.1.3.7-5)', { azp: 'evil' }, 'azp_is_not_us'],
  ['azp null (OIDC-3.1.3.7-5)', { azp: null }, 'azp_is_not_us'],
  ['azp a list (OIDC-3.1.3.7-5)', { azp: ['bff'] }, 'azp_is_not_us'],
  ['iat 30 s ahead (OIDC-3.1.3.7-9)', { iat: nowSeconds + 30 }, 'ok'],
  ['iat 31 s ahead (OIDC-3.1.3.7-9)', { iat: nowSeconds + 31 }, 'issued_in_the_future'],
  ['iat a day ahead (OIDC-3.1.3.7-9)', { iat: nowSeconds + 86_400 }, 'issued_in_the_future'],
  ['iat 600 s ago (OIDC-3.1.3.7-9)', { iat: nowSeconds - 600 }, 'ok'],
  ['iat 601 s ago (OIDC-3.1.3.7-9)', { iat: nowSeconds - 601 }, 'issued_long_ago'],
  ['iat missing (OIDC-3.1.3.7-9)', { iat: undefined }, 'issued_long_ago'],
  ['iat a text (OIDC-3.1.3.7-9)', { iat: String(nowSeconds) }, 'issued_long_ago'],
  ['exp 29 s ago (OIDC-3.1.3.7-9)', { exp: nowSeconds - 29 }, 'ok'],
  ['exp 30 s ago (OIDC-3.1.3.7-9)', { exp: nowSeconds - 30 }, 'expired'],
  ['exp missing (OIDC-3.1.3.7-9)', { exp: undefined }, 'expired'],
  ['nbf 31 s ahead', { nbf: nowSeconds + 31 }, 'not_yet_valid'],
  ['nbf no number', { nbf: 'soon' }, 'not_yet_valid'],
  ['events of a logout token (R16)', { events: logoutEvents }, 'other_kind'],
  ['other events', { events: { 'https://id.example/event': {} } }, 'ok'],
  ['at_hash right (OIDC-3.1.3.8-a)', { at_hash: halfHash('sha256') }, 'ok'],
  ['at_hash of SHA-512 (OIDC-3.1.3.8-a)', { at_hash: halfHash('sha512') }, 'at_hash_mismatch'],
  ['at_hash padded (OIDC-3.1.3.8-a)', { at_hash: `${halfHash('sha256')}==` }, 'at_hash_mismatch'],
  ['at_hash empty (OIDC-3.1.3.8-a)', { at_hash: '' }, 'at_hash_mismatch'],
  ['at_hash null (OIDC-3.1.3.8-a)', { at_hash: null }, 'at_hash_mismatch'],
] as const

for (const [name, change, expected] of table)
  test(`checkIdToken › ${name} › ${expected}`, () => {
    assert.equal(verdict(change), expected)
  })

for (const [algorithm, hash] of [
  ['RS256', 'sha256'],
  ['PS256', 'sha256'],
  ['ES256', 'sha256'],
  ['RS384', 'sha384'],
  ['ES384', 'sha384'],
  ['PS512', 'sha512'],
  ['ES512', 'sha512'],
  ['EdDSA', 'sha512'],
  ['Ed25519', 'sha512'],
] as const)
  test(`checkIdToken › at_hash under ${algorithm} › the left half of ${hash} (OIDC-3.1.3.8-a)`, () => {
    assert.equal(verdict({ at_hash: halfHash(hash) }, algorithm), 'ok')
    assert.equal(verdict({ at_hash: 'x'.repeat(22) }, algorithm), 'at_hash_mismatch')
  })

for (const [typ, expected] of [
  [undefined, 'ok'],
  ['JWT', 'ok'],
  ['jwt', 'ok'],
  ['JWS', 'ok'],
  ['logout+jwt', 'other_kind'],
  ['application/logout+jwt', 'other_kind'],
  ['Logout+JWT', 'other_kind'],
  ['at+jwt', 'other_kind'],
  ['dpop+jwt', 'other_kind'],
] as const)
  test(`checkIdToken › header typ ${typ ?? 'absent'} (R16) › ${expected}`, () => {
    assert.equal(verdict({}, 'RS256', typ), expected)
  })
