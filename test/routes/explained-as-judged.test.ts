import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explain } from '../../scripts/routes/explain.ts'
import type { Requirement, Route } from '../../server/config/config.ts'
import { asSub } from '../../server/core/ids.ts'
import { route, startWorld } from '../support/world.ts'

const requirements: Readonly<Record<string, Requirement | undefined>> = {
  free: undefined,
  role: { roles: { any: ['orders-read'] } },
  other: { roles: { any: ['x'] } },
  all: { roles: { all: ['orders-read', 'x'] } },
  write: { roles: { write: ['x'] } },
  scope: { scopes: ['email'] },
  scopeless: { scopes: ['orders'] },
  acr: { acr: ['mfa'] },
  acrless: { acr: ['pwd'] },
  young: { maxAgeSeconds: 60 },
  old: { maxAgeSeconds: 7_200 },
}
const kinds: Readonly<Record<string, Partial<Route>>> = {
  open: { public: true, token: 'none' },
  optional: { public: true, token: 'optional' },
  reading: { methods: ['GET'] },
  loose: { csrf: false },
  sockets: { websocket: true },
}
const ageSeconds = 3_600

test('npm run routes › every route by GET, POST and DELETE, with and without a session and a CSRF token › what the broker answers', { timeout: 60_000 }, async (t) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [
      ...Object.entries(requirements).map(([name, require]) => route(`/r/${name}`, origin, { require })),
      ...Object.entries(kinds).map(([name, over]) => route(`/k/${name}`, origin, over)),
    ],
  }) // prettier-ignore
  const authTimeSeconds = Math.floor(world.clock.nowMs() / 1_000) - ageSeconds
  world.issuer.script.idTokenClaims = { acr: 'pwd', auth_time: authTimeSeconds }
  const user = await world.loggedIn()
  const csrf = await user.csrf()
  const person = {
    scopes: ['openid', 'profile', 'email'],
    principal: {
      issuer: world.config.tenant.issuer,
      sub: asSub('user-1'),
      tenant: world.config.tenant.id,
      roles: ['orders-read'],
      claims: {},
      acr: 'pwd',
      authTimeSeconds,
    },
  }
  const paths = [...world.config.routes.map(({ path }) => `${path}/x?y=1`), '/r/free/%2fx', '/r//x', '/nowhere', '/r/freex'] // prettier-ignore
  const codes = new Set<string>()
  for (const target of paths)
    for (const method of ['GET', 'POST', 'DELETE'])
      for (const isUser of [true, false])
        for (const hasCsrf of [true, false]) {
          const browser = isUser ? user : world.newBrowser()
          const headers = hasCsrf && isUser ? csrf : {}
          const answer = await browser.call(target, { method, headers })
          const { refusal } = explain(world.config, world.config.routes, {
            method,
            target,
            csrf: hasCsrf,
            websocket: false,
            said: {},
            person: isUser ? person : undefined,
            nowSeconds: Math.floor(world.clock.nowMs() / 1_000),
          })
          const what = `${method} ${target} ${isUser ? 'user' : 'nobody'} ${String(hasCsrf)}`
          const code = answer.status === 200 ? undefined : answer.json()['code']
          assert.equal(refusal?.code, code, what)
          assert.equal(refusal?.status ?? 200, answer.status, what)
          codes.add(String(code))
        }
  assert.ok(codes.size >= 9, [...codes].join())
}) // prettier-ignore
