import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { SignJWT, decodeJwt } from 'jose'
import type { ProfileName } from '../../server/core/profiles.ts'
import { send } from '../support/browser.ts'
import { codeOf } from '../support/login-steps.ts'
import type { IssuerScript, ScriptedIssuer } from '../support/scripted-issuer.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import { startWorld } from '../support/world.ts'

const life = 90
const authTime = 1_700_000_000
const us = scriptedClient.id

const setUp = async (t: TestContext, profile: ProfileName = 'generic', tokenPath = '/token') => {
  const world = await startWorld(t, {
    config: (config) => ({ ...config, tenant: { ...config.tenant, profile } }),
  })
  const { script } = world.issuer
  const token_endpoint = `${world.issuer.issuer}${tokenPath}`
  script.alterMetadata = (metadata) => ({ ...metadata, token_endpoint })
  Object.assign(script, { accessTokenSeconds: life, idTokenClaims: { auth_time: authTime } })
  const user = await world.loggedIn()
  const given: unknown[] = []
  script.alterTokenAnswer = (answer) => {
    given.push(answer['refresh_token'])
    return answer
  }
  world.clock.advance(life + 1)
  return { world, user, given }
}

/** What two calls after the refresh come to, with the cookie of before. */
const callTwice = async ({ world, user }: Awaited<ReturnType<typeof setUp>>) => {
  const headers = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
  const call = async () => {
    const answer = await send(`${world.origin}/api/x`, { headers })
    return answer.status === 200 ? '200' : `${answer.status} ${String(codeOf(answer))}`
  }
  return [await call(), await call()]
}

const otherLogin: Readonly<Record<string, Record<string, unknown>>> = {
  'another sub (OIDC-12.2-a)': { sub: 'user-2' },
  'another iss (OIDC-12.2-a)': { iss: 'https://evil.test' },
  'an iss with a slash more (OIDC-12.2-a)': { iss: 'https://evil.test/' },
  'another aud (OIDC-12.2-a)': { aud: 'evil' },
  'a second aud (OIDC-12.2-a)': { aud: [us, 'evil'], azp: us },
  'another azp (OIDC-12.2-a)': { azp: 'evil' },
  'another auth_time (OIDC-12.2-b)': { auth_time: authTime + 1 },
  'an auth_time that is no number (OIDC-12.2-b)': { auth_time: String(authTime) },
  'another nonce (OIDC-12.2-b)': { nonce: 'of another login' },
}

for (const [name, claims] of Object.entries(otherLogin))
  test(`refresh › R15 an ID token with ${name} › session_revoked for good, what came is revoked, nothing goes upstream`, async (t) => {
    const set = await setUp(t)
    set.world.issuer.script.idTokenClaims = { auth_time: authTime, ...claims }
    assert.deepEqual(await callTwice(set), ['401 session_revoked', '401 session_revoked'])
    assert.equal(set.world.upstream.seen.length, 0)
    assert.equal(set.given.length, 1)
    assert.deepEqual(set.world.issuer.revoked, set.given)
  })

test('refresh › R15 another sub, the metadata writes the token endpoint in no canonical form (OIDC-12.2-a) › session_revoked all the same', async (t) => {
  const set = await setUp(t, 'generic', '/./token')
  set.world.issuer.script.idTokenClaims = { auth_time: authTime, sub: 'user-2' }
  assert.deepEqual(await callTwice(set), ['401 session_revoked', '401 session_revoked'])
  assert.deepEqual(set.world.issuer.revoked, set.given)
})

test('refresh › R15 another sub, no new refresh token › the old one is revoked', async (t) => {
  const set = await setUp(t)
  const { issuer } = set.world
  issuer.script.subject = 'user-2'
  issuer.script.alterTokenAnswer = (answer) => ({ ...answer, refresh_token: undefined })
  await callTwice(set)
  const sent = issuer.tokenRequests.at(-1)?.parameters.get('refresh_token')
  assert.deepEqual(issuer.revoked, [sent])
})

const sameLogin: Readonly<Record<string, Record<string, unknown>>> = {
  'no auth_time, no nonce (OIDC-12.2-b)': { auth_time: undefined },
  'the same auth_time (OIDC-12.2-b)': { auth_time: authTime },
  'aud in a list (OIDC-12.2-a)': { aud: [us] },
  'another sid': { sid: 'op-session-2' },
}

for (const [name, claims] of Object.entries(sameLogin))
  test(`refresh › an ID token with ${name} › is of the same login: the call goes on`, async (t) => {
    const set = await setUp(t)
    set.world.issuer.script.idTokenClaims = claims
    assert.deepEqual(await callTwice(set), ['200', '200'])
    assert.deepEqual(set.world.issuer.revoked, [])
  })

const sid = 'op-session-1'

/** Keycloak's habit, which its profile allows. */
const movedTimes: readonly (readonly [name: string, claims: object, verdict: string])[] = [
  ['a later auth_time, the same sid', { auth_time: authTime + 60, sid }, '200'],
  ['a later auth_time, another sid', { auth_time: authTime + 60, sid: 'x' }, '401 session_revoked'],
  ['a later auth_time, no sid', { auth_time: authTime + 60, sid: undefined }, '401 session_revoked'], // prettier-ignore
  ['an earlier auth_time', { auth_time: authTime - 1, sid }, '401 session_revoked'],
  ['an auth_time to come', { auth_time: 99_999_999_999, sid }, '401 session_revoked'],
  ['a later auth_time, another sub', { auth_time: authTime + 60, sid, sub: 'user-2' }, '401 session_revoked'], // prettier-ignore
]

for (const [name, claims, verdict] of movedTimes)
  test(`refresh › R15 OIDC_PROFILE=keycloak, an ID token with ${name} (OIDC-12.2-b) › ${verdict}`, async (t) => {
    const set = await setUp(t, 'keycloak')
    set.world.issuer.script.idTokenClaims = { ...claims }
    assert.deepEqual(await callTwice(set), [verdict, verdict])
    assert.equal(set.world.issuer.revoked.length, verdict === '200' ? 0 : 1)
    if (verdict === '200') assert.equal((await set.user.session())['auth_time'], authTime)
  })

test('refresh › an ID token with the nonce of the login (OIDC-12.2-b) › the same login, after an earlier one without too', async (t) => {
  const world = await startWorld(t)
  const { script } = world.issuer
  script.accessTokenSeconds = life
  let nonce: unknown
  script.alterIdToken = (token) => {
    nonce ??= decodeJwt(token)['nonce']
    return token
  }
  const user = await world.loggedIn()
  assert.equal(typeof nonce, 'string')
  for (const claims of [{}, { nonce }]) {
    script.idTokenClaims = claims
    world.clock.advance(life + 1)
    assert.equal((await user.call('/api/x')).status, 200)
  }
  script.idTokenClaims = { nonce: `${String(nonce)}x` }
  world.clock.advance(life + 1)
  assert.equal(codeOf(await user.call('/api/x')), 'session_revoked')
})

test('refresh › no ID token (OIDC-12.2-c) › the session keeps its claims', async (t) => {
  const set = await setUp(t)
  set.world.issuer.script.alterTokenAnswer = (answer) => ({ ...answer, id_token: undefined })
  assert.deepEqual(await callTwice(set), ['200', '200'])
  const session = await set.user.session()
  assert.deepEqual([session['auth_time'], session['authenticated']], [authTime, true])
})

type Bend = (script: IssuerScript, issuer: ScriptedIssuer) => void

const idToken =
  (alter: (token: string, issuer: ScriptedIssuer) => string | Promise<string>): Bend =>
  (script, issuer) => {
    script.alterIdToken = (token) => alter(token, issuer)
  }

const claims =
  (change: () => Record<string, unknown>): Bend =>
  (script) => {
    script.idTokenClaims = change()
  }

const answer =
  (change: Record<string, unknown>): Bend =>
  (script) => {
    script.alterTokenAnswer = (usual) => ({ ...usual, ...change })
  }

/** The answer to a refresh as bytes. */
const body =
  (text: string | ((usual: string) => string), type = 'application/json'): Bend =>
  (script) => {
    script.interceptToken = (_req, res) => {
      const usual =
        '"access_token":"at","token_type":"Bearer","expires_in":300,"refresh_token":"rt"'
      res.writeHead(200, { 'Content-Type': type })
      res.end(typeof text === 'string' ? text : text(usual))
      return true
    }
  }

const seconds = () => Math.floor(Date.now() / 1_000)

const spoilt: Readonly<Record<string, Bend>> = {
  'an ID token issued a day ahead (OIDC-12.2-b)': claims(() => ({ iat: seconds() + 86_400 })),
  'an old ID token (OIDC-12.2-b)': claims(() => ({ iat: seconds() - 3_600 })),
  'an ID token that has expired': claims(() => ({ exp: seconds() - 60 })),
  'an ID token without iss': claims(() => ({ iss: undefined })),
  'an ID token without sub': claims(() => ({ sub: undefined })),
  'an ID token without aud': claims(() => ({ aud: undefined })),
  'an ID token without iat': claims(() => ({ iat: undefined })),
  'an ID token without exp': claims(() => ({ exp: undefined })),
  'an ID token that is none': idToken(() => 'x'),
  'a logout token for an ID token (R16)': claims(() => ({
    jti: 'j',
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  })),
  'an ID token in five parts': idToken(() => 'a.b.c.d.e'),
  'an ID token that is a number': answer({ id_token: 7 }),
  'an ID token without signature': idToken((token) => `${token.split('.', 2).join('.')}.`),
  'an ID token under HS256': idToken((token) =>
    new SignJWT(decodeJwt(token))
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .sign(Buffer.alloc(32)),
  ),
  'no token_type': answer({ token_type: undefined }),
  'token_type mac': answer({ token_type: 'mac' }),
  'token_type DPoP': answer({ token_type: 'DPoP' }),
  'no access token': answer({ access_token: undefined }),
  'a refresh token that is a number': answer({ refresh_token: 7 }),
  'a body of 5 MB': body(`{"access_token":"${'x'.repeat(5_000_000)}"}`),
  'an HTML page': body('<h1>Login</h1>', 'text/html'),
  'nothing at all': body(''),
  'a JSON array': body('[]'),
  'JSON null': body('null'),
  'half a JSON': body('{"access_token":"x"'),
}

for (const [name, bend] of Object.entries(spoilt))
  test(`refresh › R15 the answer has ${name} › nothing of it is used; the session ends, a silent login can bring it back`, async (t) => {
    const set = await setUp(t)
    bend(set.world.issuer.script, set.world.issuer)
    assert.deepEqual(await callTwice(set), ['401 session_expired', '401 session_expired'])
    assert.equal(set.world.upstream.seen.length, 0)
    assert.equal(set.world.issuer.grants('refresh_token'), 1)
  })

const tolerable: Readonly<Record<string, Bend>> = {
  'a wider scope': answer({ scope: 'openid profile email admin' }),
  'no scope': answer({ scope: undefined }),
  'expires_in -1': answer({ expires_in: -1 }),
  'expires_in "abc"': answer({ expires_in: 'abc' }),
  'expires_in null': answer({ expires_in: null }),
  'no expires_in': answer({ expires_in: undefined }),
  'expires_in 1e309': body((usual) => `{${usual.replace('300', '1e309')}}`),
  'a byte order mark': body((usual) => `\uFEFF{${usual}}`),
  'a name twice': body((usual) => `{"access_token":"first",${usual}}`),
  'a member __proto__': body((usual) => `{${usual},"__proto__":{"access_token":"x"}}`),
}

for (const [name, bend] of Object.entries(tolerable))
  test(`refresh › R15 the answer has ${name} › the call goes on with its token, the session lives`, async (t) => {
    const set = await setUp(t)
    bend(set.world.issuer.script, set.world.issuer)
    assert.equal((await set.user.call('/api/x')).status, 200)
    assert.match(set.world.upstream.last().headers.authorization ?? '', /^Bearer at/)
    assert.equal((await set.user.session())['authenticated'], true)
  })
