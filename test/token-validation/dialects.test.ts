import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccessTokenOptions } from '../../server/token-validation/options.ts'
import { verifyAccessToken } from '../../server/token-validation/verify-access-token.ts'
import { audience, mint, startTokenIssuer } from './token-issuer.ts'

const timeout = 20_000

type Row = readonly [
  name: string,
  options: Partial<AccessTokenOptions>,
  claims: Record<string, unknown>,
  header: Record<string, unknown>,
  outcome: string,
]

const keycloak = { azp: 'bff', typ: 'Bearer', client_id: undefined, roles: undefined }
const gone = { client_id: undefined, scope: undefined }
const plain = { typ: 'JWT' }
const none = { typ: undefined }

const dialects: readonly Row[] = [
  ['generic, typ JWT', {}, {}, plain, 'typ'],
  ['generic, compat, typ JWT', { typ: 'compat' }, {}, plain, 'passes'],
  ['generic, compat, no typ', { typ: 'compat' }, {}, none, 'passes'],
  ['generic, compat, another typ', { typ: 'compat' }, {}, { typ: 'logout+jwt' }, 'typ'],
  ['generic, compat, ID token with nonce', { typ: 'compat' }, { nonce: 'n' }, plain, 'not_an_access_token'], // prettier-ignore
  ['generic, compat, ID token with at_hash', { typ: 'compat' }, { at_hash: 'n' }, plain, 'not_an_access_token'], // prettier-ignore
  ['generic, compat, ID token with neither', { typ: 'compat' }, gone, plain, 'not_an_access_token'],
  ['keycloak', { profile: 'keycloak' }, keycloak, plain, 'passes'],
  ['keycloak, at+jwt', { profile: 'keycloak' }, keycloak, {}, 'passes'],
  ['keycloak, at+jwt asked for', { profile: 'keycloak', typ: 'at+jwt' }, keycloak, plain, 'typ'],
  ['keycloak, ID token', { profile: 'keycloak' }, { ...keycloak, typ: 'ID' }, plain, 'not_an_access_token'], // prettier-ignore
  ['keycloak, refresh token', { profile: 'keycloak' }, { ...keycloak, typ: 'Refresh' }, plain, 'not_an_access_token'], // prettier-ignore
  ['keycloak, realm role', { profile: 'keycloak', roles: ['r'] }, { ...keycloak, realm_access: { roles: ['r'] } }, plain, 'passes'], // prettier-ignore
  ['keycloak, own client role', { profile: 'keycloak', roles: ['r'] }, { ...keycloak, resource_access: { [audience]: { roles: ['r'] } } }, plain, 'passes'], // prettier-ignore
  ["keycloak, another client's role", { profile: 'keycloak', roles: ['r'] }, { ...keycloak, resource_access: { account: { roles: ['r'] } } }, plain, 'forbidden_role'], // prettier-ignore
  ['keycloak, organization by alias', { profile: 'keycloak', tenant: 'acme' }, { ...keycloak, organization: { acme: { id: '1' } } }, plain, 'passes'], // prettier-ignore
  ['keycloak, another organization', { profile: 'keycloak', tenant: 'acme' }, { ...keycloak, organization: ['globex'] }, plain, 'forbidden_tenant'], // prettier-ignore
  ['entra, delegated', { profile: 'entra', scopes: ['access_as_user'], tenant: 'g1' }, { ...gone, scp: 'access_as_user', azp: 'x', tid: 'g1' }, plain, 'passes'], // prettier-ignore
  ['entra, for an application', { profile: 'entra', roles: ['r'] }, { ...gone, roles: ['r'], azp: 'x' }, plain, 'passes'], // prettier-ignore
  ['entra, ID token of a shared registration', { profile: 'entra' }, gone, plain, 'not_an_access_token'], // prettier-ignore
  [
    'okta',
    { profile: 'okta', scopes: ['a'] },
    { ...gone, cid: 'x', scp: ['a', 'b'] },
    none,
    'passes',
  ],
  ['okta, ID token', { profile: 'okta' }, gone, none, 'not_an_access_token'],
  ['cognito, client_id for aud', { profile: 'cognito' }, { aud: undefined, client_id: audience, token_use: 'access' }, none, 'passes'], // prettier-ignore
  ['cognito, ID token', { profile: 'cognito' }, { client_id: undefined, token_use: 'id' }, none, 'not_an_access_token'], // prettier-ignore
  ['cognito, another client', { profile: 'cognito' }, { aud: undefined, token_use: 'access' }, none, 'audience'], // prettier-ignore
  [
    'auth0, its own profile',
    { profile: 'auth0' },
    { ...gone, azp: 'x', jti: undefined },
    plain,
    'passes',
  ],
  ['auth0, ID token', { profile: 'auth0' }, { ...gone, nonce: 'x' }, plain, 'not_an_access_token'],
]

for (const [name, options, claims, header, outcome] of dialects)
  test(`access token › of ${name} (AT-4-a) › ${outcome}`, { timeout }, async (t) => {
    const { issuer } = await startTokenIssuer(t)
    const verify = verifyAccessToken({ issuer, audience, ...options })
    const request = { headers: { authorization: `Bearer ${await mint(issuer, { claims, header })}` } } // prettier-ignore
    if (outcome === 'passes') assert.equal((await verify(request)).issuer, issuer)
    else await assert.rejects(verify(request), { reason: outcome })
  })
