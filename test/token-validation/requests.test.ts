import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import type { RequireOptions } from '../../server/token-validation/options.ts'
import {
  accessTokenOf,
  answerRefusal,
  requireAccessToken,
} from '../../server/token-validation/require-access-token.ts'
import { verifyAccessToken } from '../../server/token-validation/verify-access-token.ts'
import { send } from '../support/browser.ts'
import { audience, claimsOf, mint, startTokenIssuer } from './token-issuer.ts'

const timeout = 20_000

/** An Express service with the middleware, and what it saw refused. */
const startService = async (t: TestContext, over: Partial<RequireOptions> = {}) => {
  const issuer = await startTokenIssuer(t)
  const refused: string[] = []
  const app = express()
  app.use(express.urlencoded({ extended: false }), express.json())
  const onRefused: RequireOptions['onRefused'] = ({ code, reason }) => refused.push(`${code} ${reason}`) // prettier-ignore
  app.use(requireAccessToken({ issuer: issuer.issuer, audience, onRefused, ...over }))
  app.all('/{*path}', (req, res) => {
    res.json({ sub: accessTokenOf(req).sub, same: Reflect.get(req, 'auth') === accessTokenOf(req) })
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const call = (
    headers: IncomingHttpHeaders | Record<string, string[]> = {},
    path = '/',
    rest = {},
  ) =>
    // prettier-ignore
    send(`http://127.0.0.1:${port}${path}`, { headers: headers as Record<string, string>, ...rest })
  const bearer = async (claims = {}, header = {}) => ({
    authorization: `Bearer ${await mint(issuer.issuer, { claims, header })}`,
  })
  return { issuer, call, bearer, refused }
}

test(
  'requireAccessToken › a good token › passes, with what it says in req.auth',
  { timeout },
  async (t) => {
    const { call, bearer, refused } = await startService(t)
    const answer = await call(await bearer())
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.json(), { sub: 'ada', same: true })
    assert.deepEqual(refused, [])
  },
)

for (const [name, headers] of [
  ['no token', {}],
  ['another scheme', { authorization: 'Basic YTpi' }],
  ['DPoP, which is not on', { authorization: 'DPoP x.y.z' }],
] as const)
  test(
    `requireAccessToken › ${name} (BT-2-a) › 401 with a challenge and no error code`,
    { timeout },
    async (t) => {
      // prettier-ignore
      const { call, refused } = await startService(t)
      const answer = await call(headers)
      assert.equal(answer.status, 401)
      assert.equal(answer.headers['www-authenticate'], 'Bearer realm="api"')
      assert.equal(answer.headers['cache-control'], 'no-store')
      assert.equal(answer.headers['content-type'], 'application/problem+json')
      assert.equal(answer.json()['code'], 'token_missing')
      assert.deepEqual(refused, ['token_missing no_token'])
    },
  )

test(
  'requireAccessToken › a token in the query or a form alone (BT-2-a) › is not taken: 401',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { call, bearer } = await startService(t)
    const { authorization } = await bearer()
    const token = authorization.slice('Bearer '.length)
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const inQuery = await call({}, `/?access_token=${token}`)
    const inForm = await call(form, '/', { method: 'POST', body: `access_token=${token}` })
    assert.deepEqual([inQuery.status, inForm.status], [401, 401])
    assert.equal(inForm.json()['code'], 'token_missing')
  },
)

test(
  'requireAccessToken › two ways at once (BT-2-a) › 400 invalid_request',
  { timeout },
  async (t) => {
    const { call, bearer, refused } = await startService(t)
    const good = await bearer()
    const form = { ...good, 'content-type': 'application/x-www-form-urlencoded' }
    const answers = [
      await call(good, '/x?access_token=y'),
      await call(good, '/x?%61ccess_token=y'),
      await call(form, '/', { method: 'POST', body: 'a=b&access_token=y' }),
      await call({ authorization: [good.authorization, 'Bearer other'] }),
      await call({ authorization: [good.authorization, good.authorization] }),
    ]
    for (const answer of answers) {
      assert.equal(answer.status, 400)
      assert.match(answer.headers['www-authenticate'] ?? '', /error="invalid_request"/)
    }
    assert.deepEqual(new Set(refused), new Set(['invalid_request several_tokens']))
    const json = { ...good, 'content-type': 'application/json' }
    const field = await call(json, '/', { method: 'POST', body: '{"access_token":"y"}' })
    assert.equal(field.status, 200)
  },
)

const policies: readonly (readonly [
  name: string,
  options: Partial<RequireOptions>,
  method: string,
  outcome: string,
])[] = [
  ['a role that is held', { roles: ['orders-read', 'x'] }, 'GET', 'passes'],
  ['a role that is not held', { roles: ['orders-write'] }, 'GET', 'forbidden_role'],
  ['no role at all will do', { roles: [] }, 'GET', 'forbidden_role'],
  ['all of two roles', { roles: { all: ['orders-read', 'x'] } }, 'GET', 'forbidden_role'],
  ['a role to read', { roles: { read: ['orders-read'], write: ['x'] } }, 'GET', 'passes'],
  ['a role to write', { roles: { read: ['orders-read'], write: ['x'] } }, 'POST', 'forbidden_role'],
  ['both scopes', { scopes: ['orders:write', 'orders:read'] }, 'GET', 'passes'],
  ['a scope that is not there', { scopes: ['orders:read', 'admin'] }, 'GET', 'insufficient_scope'],
  ['a beginning of a scope', { scopes: ['orders'] }, 'GET', 'insufficient_scope'],
  ['its tenant', { tenant: 'acme' }, 'GET', 'passes'],
  ['another tenant', { tenant: 'globex' }, 'GET', 'forbidden_tenant'],
  ['a tenant where there is no such claim', { tenant: 'acme', tenantClaim: 'org' }, 'GET', 'forbidden_tenant'], // prettier-ignore
  ['a tenant, then a role', { tenant: 'globex', roles: ['x'] }, 'GET', 'forbidden_tenant'],
]

for (const [name, options, method, outcome] of policies)
  test(`requireAccessToken › ${name} › ${outcome}`, { timeout }, async (t) => {
    const { call, bearer, refused } = await startService(t, options)
    const answer = await call(await bearer(), '/', { method })
    assert.deepEqual(refused, outcome === 'passes' ? [] : [`${outcome} ${outcome}`])
    assert.equal(answer.status, outcome === 'passes' ? 200 : 403)
    if (outcome === 'passes') return
    assert.equal(answer.json()['code'], outcome)
    const scope = outcome === 'insufficient_scope' ? `, scope="${options.scopes?.join(' ')}"` : ''
    assert.equal(answer.headers['www-authenticate'], `Bearer realm="api", error="insufficient_scope"${scope}`) // prettier-ignore
  })

test(
  'requireAccessToken › the issuer is away › 503 with Retry-After, no challenge',
  { timeout },
  async (t) => {
    const { issuer, call, bearer } = await startService(t)
    issuer.intercept = (_path, res) => Boolean(res.writeHead(503).end())
    const answer = await call(await bearer())
    assert.equal(answer.status, 503)
    assert.equal(answer.headers['retry-after'], '5')
    assert.equal(answer.headers['www-authenticate'], undefined)
  },
)

test(
  'verifyAccessToken › under plain http, and with the Request of fetch › the same',
  { timeout },
  async (t) => {
    // prettier-ignore
    const issuer = await startTokenIssuer(t)
    const verify = verifyAccessToken({ issuer: issuer.issuer, audience })
    const server = createServer((req, res) => {
      verify(req).then(
        ({ sub }) => res.end(sub),
        (error: unknown) => answerRefusal(res, error),
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const headers = { authorization: `Bearer ${await mint(issuer.issuer)}` }
    assert.equal((await send(url, { headers })).text, 'ada')
    assert.equal((await send(url)).status, 401)
    assert.equal((await verify(new Request(url, { headers }))).sub, 'ada')
    await assert.rejects(verify(new Request(`${url}?access_token=x`, { headers })), { status: 400 })
  },
)

test(
  'verifyAccessToken › names of headers as a gateway of functions has them › the same in any case, and twice is twice',
  { timeout },
  async (t) => {
    const { issuer } = await startTokenIssuer(t)
    const verify = verifyAccessToken({ issuer, audience })
    const token = `Bearer ${await mint(issuer)}`
    assert.equal((await verify({ headers: { Host: 'orders', Authorization: token } })).sub, 'ada')
    assert.equal((await verify({ headers: { authorization: [token] } })).sub, 'ada')
    await assert.rejects(verify({ headers: { Authorization: token, authorization: token } }), { status: 400 }) // prettier-ignore
    await assert.rejects(verify({ headers: { Authorisation: token } }), { code: 'token_missing' })
  },
)

test(
  'access token › 3 s past its end › passes by the tolerance, and not with none',
  { timeout },
  async (t) => {
    const { issuer } = await startTokenIssuer(t)
    const exp = Number(claimsOf(issuer)['iat']) - 3
    const request = {
      headers: { authorization: `Bearer ${await mint(issuer, { claims: { exp } })}` },
    }
    assert.equal((await verifyAccessToken({ issuer, audience })(request)).sub, 'ada')
    const strict = verifyAccessToken({ issuer, audience, clockToleranceSeconds: 0 })
    await assert.rejects(strict(request), { reason: 'expired' })
  },
)
