import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocketServer, WebSocket } from 'ws'
import { send } from '../support/browser.ts'
import { codeOf, pendingCallback } from '../support/login-steps.ts'
import { mfa } from '../support/step-up.ts'
import { startTenants } from '../support/tenants.ts'
import { route } from '../support/world.ts'

const limit = { timeout: 30_000 }

test(
  'prefix › the whole way › every address has the prefix, and none of it reaches the API',
  limit,
  async (t) => {
    const world = await startTenants(t)
    const user = world.newBrowser('beta')
    const anonymous = await world.session('beta', user)
    assert.deepEqual(anonymous, { authenticated: false, login_url: '/t/beta/login' })
    const refused = await user.call('/t/beta/api/x')
    assert.deepEqual([codeOf(refused), refused.json()['login_url']], ['login_required', '/t/beta/login']) // prettier-ignore
    const landed = await user.navigate('/t/beta/login')
    assert.equal(landed.url, `${world.origin}/t/beta/`)
    const session = await world.session('beta', user)
    assert.match(String(session['logout_url']), /^\/t\/beta\/logout\?sid=/)
    await user.call('/t/beta/api/x?q=1')
    assert.equal(world.upstream.last().url, '/api/x?q=1')
    assert.doesNotMatch(JSON.stringify(world.upstream.last().rawHeaders), /beta/)
    const out = await user.navigate(String(session['logout_url']), 'same-origin')
    assert.equal(out.url, `${world.origin}/t/beta/`)
    const end = world.one.endSessions[0]?.searchParams
    assert.equal(end?.get('post_logout_redirect_uri'), `${world.origin}/t/beta/logout/callback`)
    assert.equal((await world.session('beta', user))['authenticated'], false)
  },
)

test(
  'prefix › two tenants of one host in one browser › each with its cookies; a logout ends one',
  limit,
  async (t) => {
    const world = await startTenants(t)
    const user = await world.loggedIn('beta')
    await world.loggedIn('gamma', user)
    await world.loggedIn('default', user)
    const names = [...user.cookies().keys()].filter((name) => name !== 'XSRF-TOKEN')
    assert.deepEqual(names.sort(), [
      'login',
      'login-beta',
      'login-gamma',
      'session',
      'session-beta',
      'session-gamma',
    ])
    for (const name of ['default', 'beta', 'gamma'] as const) {
      assert.equal((await world.session(name, user))['tenant'], name)
      assert.equal((await user.call(world.address(name, '/api/x'))).status, 200)
      assert.equal(world.upstream.last().headers.cookie, undefined)
    }
    const csrf = await world.csrf('beta', user)
    const out = { method: 'POST', headers: { 'x-csrf-token': csrf, accept: 'application/json' } }
    const left = await user.call('/t/beta/logout', out)
    assert.match(String(left.json()['redirect_to']), /^\/t\/beta\/logout\/continue\?ticket=/)
    for (const name of ['default', 'gamma'] as const)
      assert.equal((await world.session(name, user))['tenant'], name)
    assert.equal((await world.session('beta', user))['authenticated'], false)
  },
)

test(
  'prefix › its cookies on https › __Host-Http- with the tenant, for the whole host; XSRF-TOKEN for the prefix',
  limit,
  async (t) => {
    const world = await startTenants(t, {
      config: (config) => ({ ...config, secure: true }),
    })
    const user = await world.loggedIn('beta')
    const lines = [...user.cookies().entries()].map(([name, { line }]) => [name, line] as const)
    const line = (name: string) => lines.find(([known]) => known === name)?.[1] ?? ''
    for (const name of ['__Host-Http-session-beta', '__Host-Http-login-beta']) {
      assert.match(line(name), /; Path=\/;/, name)
      assert.match(line(name), /HttpOnly/)
      assert.match(line(name), /Secure/)
      assert.doesNotMatch(line(name), /Domain/i)
    }
    assert.match(line('XSRF-TOKEN'), /; Path=\/t\/beta;/)
  },
)

test(
  'prefix › paths that only begin like it › are not in it; the bare prefix leads into it',
  limit,
  async (t) => {
    const world = await startTenants(t)
    for (const path of ['/t/betax/session', '/t/bet/session', '/t/session', '/T/beta/session'])
      assert.equal(codeOf(await send(`${world.origin}${path}`)), 'no_route', path)
    for (const path of ['/t/beta/../gamma/session', '/t/beta%2fsession', '/t//beta/session'])
      assert.equal(codeOf(await send(world.origin, { target: path })), 'invalid_path', path)
    const bare = await send(`${world.origin}/t/beta?x=1`)
    assert.deepEqual([bare.status, bare.headers.location], [303, '/t/beta/?x=1'])
  },
)

test(
  "prefix › a redirect of the API's › comes back into the prefix, never to a login",
  limit,
  async (t) => {
    const world = await startTenants(t)
    const user = await world.loggedIn('beta')
    const locations = [
      ['/api/y', '/t/beta/api/y'],
      ['z', '/t/beta/api/z'],
      [`${world.origin}/api/y?q`, '/t/beta/api/y?q'],
      [`${world.origin}/t/beta/api/y`, '/t/beta/api/y'],
      [`${world.origin}/t/beta/logout`, undefined],
      ['/login', undefined],
      ['https://evil.test/', undefined],
    ] as const
    for (const [from, to] of locations) {
      world.upstream.answerWith((_req, res) => void res.writeHead(302, { location: from }).end())
      assert.equal((await user.call('/t/beta/api/x')).headers.location, to, from)
    }
  },
)

test(
  "prefix › a redirect of the API's of the tenant without one › never leads into another's prefix",
  limit,
  async (t) => {
    const world = await startTenants(t)
    const user = await world.loggedIn('default')
    const locations = [
      ['/t/beta/login', undefined],
      [`${world.origin}/t/gamma/logout?x`, undefined],
      ['/t/x/../beta/api/y', undefined],
      ['/t/beta', undefined],
      [`${world.places.acme.origin}/login`, undefined],
      ['/t/betas', '/t/betas'],
      ['/t/beta%2Flogin', '/t/beta%2Flogin'],
    ] as const
    for (const [from, to] of locations) {
      world.upstream.answerWith((_req, res) => void res.writeHead(302, { location: from }).end())
      assert.equal((await user.call('/api/x')).headers.location, to, from)
    }
  },
)

test(
  "prefix › cookies of the API's › stay in the prefix, and never have our names",
  limit,
  async (t) => {
    const world = await startTenants(t, {
      routes: (upstream) => [
        route('/api/c', upstream.origin, {
          pass: { setCookie: true, cookies: ['theme', 'login-gamma', 'session-gamma'], cache: false, html: false, wwwAuthenticate: false }, // prettier-ignore
        }),
      ],
    })
    const user = await world.loggedIn('beta')
    await world.loggedIn('gamma', user)
    world.upstream.answerWith((_req, res) => {
      const stolen = ['session-gamma=x', 'login-gamma=x; Path=/', 'XSRF-TOKEN=x']
      res.setHeader('set-cookie', ['theme=dark; Path=/; Secure', 'a=1', ...stolen]).end()
    })
    const answer = await user.call('/t/beta/api/c', { headers: { cookie: `${user.cookieHeader()}; theme=x` } }) // prettier-ignore
    assert.deepEqual(answer.headers['set-cookie'], ['theme=dark; Path=/t/beta/; Secure', 'a=1'])
    assert.equal(world.upstream.last().headers.cookie, 'theme=x')
  },
)

test(
  'prefix › a step-up › leads to the login of the prefix, and back to the page',
  limit,
  async (t) => {
    const world = await startTenants(t, {
      routes: (upstream) => [route('/api/pay', upstream.origin, { require: { acr: [mfa] } })],
    })
    const user = await world.loggedIn('beta')
    const headers = { referer: `${world.origin}/t/beta/cart` }
    const refused = await user.call('/t/beta/api/pay', { headers })
    const url = String(refused.json()['login_url'])
    assert.match(url, /^\/t\/beta\/login\?return_to=%2Ft%2Fbeta%2Fcart&step_up=/)
    const elsewhere = await user.call('/t/beta/api/pay', { headers: { referer: `${world.origin}/t/beta/login` } }) // prettier-ignore
    assert.match(String(elsewhere.json()['login_url']), /return_to=%2Ft%2Fbeta%2F&/)
    world.one.script.idTokenClaims = { acr: mfa }
    assert.equal((await user.navigate(url, 'same-origin')).url, headers.referer)
    assert.equal((await user.call('/t/beta/api/pay')).status, 200)
  },
)

test("prefix › another tenant's step-up handle › stands for nothing", limit, async (t) => {
  const world = await startTenants(t, {
    routes: (upstream) => [route('/api/pay', upstream.origin, { require: { acr: [mfa] } })],
  })
  const user = await world.loggedIn('beta')
  await world.loggedIn('gamma', user)
  const url = String((await user.call('/t/beta/api/pay')).json()['login_url'])
  const { search } = new URL(url, world.origin)
  const answer = await user.visit(`/t/gamma/login${search}`, 'same-origin')
  // The session that there is suffices for a login that asks for nothing more.
  assert.deepEqual([answer.status, answer.headers.location], [303, '/t/beta/'])
})

test('prefix › a callback of no login › begins again within the prefix', limit, async (t) => {
  const world = await startTenants(t)
  const user = world.newBrowser('beta')
  const callback = await pendingCallback(world.newBrowser('beta'), '/t/beta/login')
  const page = await user.visit(callback.href, 'cross-site')
  assert.match(page.text, /url=\/t\/beta\/login\?return_to=%2Ft%2Fbeta%2F&amp;retry=1/)
})

test('prefix › pages of ours › lead back into the prefix', limit, async (t) => {
  const world = await startTenants(t)
  const user = await world.loggedIn('beta')
  const asks = await user.visit('/t/beta/logout', 'same-origin')
  assert.match(asks.text, /<form method="post" action="\/t\/beta\/logout">/)
  assert.match(asks.text, /name="return_to" value="\/t\/beta\/"/)
  const bad = await user.visit('/t/beta/login?return_to=//evil.test')
  assert.match(bad.text, /<a class="button" href="\/t\/beta\/">/)
  world.one.script.alterCallback = (url) => {
    url.searchParams.set('iss', 'https://evil.test')
    return url
  }
  const failed = await world.newBrowser('beta').navigate('/t/beta/login')
  assert.equal(codeOf(failed), 'login_failed')
  assert.match(failed.text, /href="\/t\/beta\/login\?return_to=%2Ft%2Fbeta%2F"/)
})

test('prefix › a WebSocket › goes through with its own session and no other', limit, async (t) => {
  const world = await startTenants(t)
  const sockets = new WebSocketServer({ noServer: true })
  world.upstream.upgradeWith((req, socket, head) =>
    sockets.handleUpgrade(req, socket, head, (ws) => ws.send('hello')),
  )
  const user = await world.loggedIn('beta')
  const open = (path: string) => {
    const headers = { cookie: user.cookieHeader(), origin: world.origin }
    return new WebSocket(`${world.origin.replace('http', 'ws')}${path}`, { headers })
  }
  const own = open('/t/beta/api/ws')
  const [message] = (await once(own, 'message')) as [Buffer]
  assert.equal(message.toString(), 'hello')
  assert.equal(world.upstream.last().url, '/api/ws')
  own.terminate()
  for (const path of ['/t/gamma/api/ws', '/api/ws']) {
    const [, answer] = (await once(open(path), 'unexpected-response')) as [unknown, { statusCode: number }] // prettier-ignore
    assert.equal(answer.statusCode, 401, path)
  }
})
