import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { asTenantId } from '../../server/core/ids.ts'
import type { Pair } from '../support/raw.ts'
import { parseAnswer, rawExchange, requestText } from '../support/raw.ts'
import { startTenants } from '../support/tenants.ts'
import { route } from '../support/world.ts'

const limit = { timeout: 30_000 }

/** A person of two tenants on one host, and requests with all their cookies, as bytes. */
const start = async (t: TestContext) => {
  const world = await startTenants(t, {
    routes: ({ origin }) => [
      route('/api/admin', origin, { require: { roles: { any: ['admin'] } } }),
      route('/api/acme', origin, { tenants: [asTenantId('acme')] }),
    ],
  })
  const user = await world.loggedIn('default')
  await world.loggedIn('beta', user)
  const cookie = [...user.cookies()].map(([name, { value }]) => `${name}=${value}`).join('; ')
  const ask = async (target: string, hosts: readonly Pair[]) => {
    const headers: readonly Pair[] = [
      ...hosts,
      ['Cookie', cookie],
      ['Sec-Fetch-Site', 'same-origin'],
      ['Accept', 'application/json'],
      ['Connection', 'close'],
    ]
    const text = await rawExchange(t, world.port, requestText(`GET ${target}`, headers))
    const { status, body } = parseAnswer(text)
    return `${status} ${/"code":"(\w+)"/.exec(body)?.[1] ?? ''}`.trim()
  }
  return { world, ask, host: new URL(world.origin).host }
}

const invalid = '400 invalid_path'
const nowhere = '404 no_route'

const paths: Readonly<Record<string, readonly string[]>> = {
  '403 forbidden_role': ['/api/admin', '/api/admin/', '/api/admin?', '/t/beta/api/admin/x'],
  '403 forbidden_tenant': ['/api/acme', '/t/beta/api/acme/x'],
  [nowhere]: [
    ...['/API/admin', '/t/betaX/api/x', '/T/BETA/api/x', '/t/beta./api/x', '/t/beta%20/api/x'],
    ...['/t/beta/t/gamma/api/x', '/t/beta/t/beta/api/x', '/t/beta/session/', '/t/beta/SESSION'],
    ...['/t/beta/metrics', '/t/beta/admin/x', '/t/beta/forward-auth', '/t/beta/openapi.json'],
  ],
  [invalid]: [
    ...['/api/orders/..%2fadmin', '/api/orders/../admin', '/api/orders/%2e%2e/admin'],
    ...['/api/orders/..;/admin', '/api/orders;/../admin', '/api//admin', '//api/admin'],
    ...['/api/./admin', '/api/%61dmin', '/api/admin%00', '/api/admin%2f', '/api\\admin'],
    ...['/api/%5cadmin', '/api/%c0%afadmin', '/api/%e0%80%afadmin', '/api/%u002fadmin'],
    ...['/api/orders/%252e%252e/admin', '/api/admin/..', '/api/admin#x', '/api/%', '*'],
    ...['/t/beta//api/x', '/t/beta/../gamma/api/x', '/t/beta%2f..%2fgamma/api', '/t/%62eta/api/x'],
    ...['/t/beta;x/api/x', '/t/beta/..', '/t/beta/%2e%2e/api/x', '/t/beta\\..\\gamma/api/x'],
  ],
}

test(
  'tenants › R3 spellings of a path, with the cookies of two tenants › reach the rule that they name, or nothing',
  limit,
  async (t) => {
    const { world, ask, host } = await start(t)
    for (const [expected, spellings] of Object.entries(paths))
      for (const path of spellings) assert.equal(await ask(path, [['Host', host]]), expected, path)
    assert.equal(world.upstream.seen.length, 0)
  },
)

test(
  'tenants › R22 Host headers as bytes › one tenant’s, or nobody’s; probes get through by any',
  limit,
  async (t) => {
    const { world, ask, host } = await start(t)
    const acme = new URL(world.places.acme.origin).host
    const nobodys = ['', 'acme.localhost', 'acme.localhost:', 'acme.localhost:80', '__proto__']
    const port = String(world.port)
    nobodys.push(`acme.localhost.:${port}`, `acme.localhost:0${port}`, `[::1]:${port}`)
    nobodys.push(`user@${acme}`, `${acme},${host}`, `${acme}/t/beta`, `beta.${host}`, 'constructor')
    for (const name of nobodys) {
      for (const path of ['/session', '/api/x', '/t/gamma/session', '/t/beta/readyz'])
        assert.equal(await ask(path, [['Host', name]]), '421 unknown_host', `${name} ${path}`)
      assert.equal(await ask('/readyz', [['Host', name]]), '200', name)
    }
    const twice: readonly Pair[] = [['Host', host], ['Host', acme]] // prettier-ignore
    const spaced: readonly Pair[] = [['Host ', acme], ['Host', host]] // prettier-ignore
    for (const hosts of [twice, spaced])
      assert.equal(await ask('/session', hosts), '400 invalid_request')
    assert.equal(await ask('/api/x', [['Host', acme], ['X-Forwarded-Host', host]]), '401 login_required') // prettier-ignore
    assert.equal(world.upstream.seen.length, 0)
  },
)

/** `D` and `B` stand for the sessions of the two; the answers are those of the tenant without a prefix and of `beta`. */
const jars: readonly (readonly [cookie: string, byDefault: number, byBeta: number])[] = [
  ['session=D; session-beta=B', 200, 200],
  ['session-beta=B; session=D', 200, 200],
  ['session=B; session-beta=D', 401, 401],
  ['session-beta=D; session-beta=B', 401, 401],
  ['session-beta=B; session-beta=', 401, 401],
  ['session=D; session=D; session-beta=B', 401, 200],
  ['Session=D; session-Beta=B', 401, 401],
  ['__Host-Http-session=D; __Host-Http-session-beta=B', 401, 401],
  ['session="D"; session-beta="B"', 401, 401],
]

test(
  'tenants › CK-prefix cookies of two tenants in one request › each by its whole name, once, for its own tenant',
  limit,
  async (t) => {
    const world = await startTenants(t)
    const sessionOf = async (name: 'default' | 'beta') =>
      (await world.loggedIn(name)).cookies().get(world.cookieName(name))?.value ?? assert.fail()
    const [own, beta] = [await sessionOf('default'), await sessionOf('beta')]
    for (const [jar, ...expected] of jars) {
      const cookie = jar.replaceAll(/\b[DB]\b/g, (letter) => (letter === 'D' ? own : beta))
      const statuses = await Promise.all(
        (['default', 'beta'] as const).map(
          async (name) => (await world.callWith(name, '/api/x', cookie)).status,
        ),
      )
      assert.deepEqual(statuses, expected, jar)
    }
  },
)
