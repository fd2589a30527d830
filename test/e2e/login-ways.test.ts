import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { brokerServer, serve } from '../../server/broker-server.ts'
import { createBroker } from '../../server/create-broker.ts'
import { chromiumSkip, startChromium } from '../support/chromium.ts'
import { nginxSkip, startTlsProxy } from '../support/nginx.ts'
import type { ScriptedIssuer } from '../support/scripted-issuer.ts'
import { startScriptedIssuer } from '../support/scripted-issuer.ts'
import { startUpstream } from '../support/upstream.ts'
import type { World } from '../support/world.ts'
import { endTogether, listen, startWorld, testConfig } from '../support/world.ts'

const startPage = async (t: TestContext): Promise<Page> => {
  const context = await startChromium(t, { ignoreHTTPSErrors: true })
  return context.pages()[0] ?? (await context.newPage())
}

/** An HTML page for every address of an origin of its own. */
const startPages = async (t: TestContext, host: string, html: (url: URL) => string) => {
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', `http://${host}`)
    res.writeHead(200, { 'Content-Type': 'text/html' }).end(`<!doctype html>${html(url)}`)
  })
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  // A listening TCP server has an address of this shape.
  return `http://${host}:${(server.address() as AddressInfo).port}`
}

/** The provider's page of OAuth 2.0 Form Post Response Mode: a form with the answer that posts itself. */
const answerByForm = async (t: TestContext, { script }: ScriptedIssuer): Promise<string> => {
  const pages = await startPages(t, '127.0.0.1', ({ searchParams }) => {
    // A browser asks for the icon, too.
    if (!searchParams.has('to')) return ''
    const callback = new URL(searchParams.get('to') ?? '')
    const fields = [...callback.searchParams].map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${encodeURI(value)}">`,
    )
    const action = `${callback.origin}${callback.pathname}`
    return `<body onload="document.forms[0].submit()"><form method="post" action="${action}">${fields.join('')}</form>`
  })
  script.alterCallback = (url) => new URL(`${pages}/?to=${encodeURIComponent(url.href)}`)
  return pages
}

/** What the app's own script learns, from a page of the app. */
const isLoggedIn = (page: Page): Promise<boolean> =>
  page.evaluate<boolean>(`fetch('/session').then((r) => r.json()).then((s) => s.authenticated)`)

const loginByForm = async (
  t: TestContext,
  { origin, issuer }: Pick<World, 'origin' | 'issuer'>,
): Promise<void> => {
  const provider = await answerByForm(t, issuer)
  const page = await startPage(t)
  const posting = page.waitForRequest((request) => request.method() === 'POST')
  await page.goto(`${origin}/login?return_to=%2Fdeep%2Flink`)
  const posted = await (await posting).allHeaders()
  assert.equal(posted['sec-fetch-site'], 'cross-site')
  assert.equal(posted['origin'], provider)
  await page.waitForURL(`${origin}/deep/link`)
  assert.equal(await isLoggedIn(page), true)
  const cookies = await page.context().cookies(origin)
  const login = cookies.find(({ name }) => name.endsWith('login'))
  assert.deepEqual([login?.sameSite, login?.secure, login?.httpOnly], ['None', true, true])
}

test(
  'Chromium › form_post on http://localhost › the cross-site POST carries the login cookie, and the login succeeds',
  { skip: chromiumSkip, timeout: 60_000 },
  async (t) => {
    const world = await startWorld(t, {
      config: (config) => ({ ...config, tenant: { ...config.tenant, responseMode: 'form_post' } }),
    })
    await loginByForm(t, world)
  },
)

const startBehindTls = async (t: TestContext) => {
  const issuer = await startScriptedIssuer()
  const upstream = await startUpstream()
  const server = brokerServer()
  const { origin } = await startTlsProxy(t, await listen(server))
  const base = testConfig(origin, issuer.issuer, upstream)
  const tenant = { ...base.tenant, responseMode: 'form_post' } as const
  const broker = createBroker({ ...base, secure: true, tenant })
  serve(server, broker)
  endTogether(t, { server, broker, issuer, upstream })
  return { origin, issuer }
}

test(
  'Chromium › form_post on https behind nginx › the cross-site POST carries the login cookie, and the login succeeds',
  { skip: chromiumSkip !== false ? chromiumSkip : nginxSkip, timeout: 60_000 },
  async (t) => {
    await loginByForm(t, await startBehindTls(t))
  },
)

test(
  "Chromium › front-channel logout in a frame › shown on the provider's page alone, and ends the login without a cookie (C11, FCL-x, FCL-4.1-a)",
  { skip: chromiumSkip, timeout: 60_000 },
  async (t) => {
    const { origin, issuer } = await startWorld(t, {
      config: (config) => ({
        ...config,
        tenant: { ...config.tenant, frontchannel: 'iss_and_sid' },
      }),
    })
    const page = await startPage(t)
    await page.goto(`${origin}/login`)
    await page.waitForURL(`${origin}/`)
    assert.equal(await isLoggedIn(page), true)

    const address = (sid: string) =>
      `${origin}/frontchannel-logout?iss=${encodeURIComponent(issuer.issuer)}&sid=${sid}`
    const refusals: string[] = []
    page.on('console', (message) => refusals.push(message.text()))
    const title = page.frameLocator('iframe').locator('h1')
    const frame = `<iframe src="${address('unknown').replaceAll('&', '&amp;')}"></iframe>`
    await page.goto(await startPages(t, '127.0.0.1', () => frame))
    assert.notEqual(await title.textContent(), 'Logged out', 'an error of the browser instead')
    assert.match(refusals.join(), /frame-ancestors/)

    // Any page of the provider's origin will do.
    await page.goto(`${issuer.issuer}/jwks`)
    const framing = `Object.assign(document.createElement('iframe'), { src: '${address('op-session-1')}' })`
    await page.evaluate(`void document.body.append(${framing})`)
    await title.filter({ hasText: 'Logged out' }).waitFor()
    await page.goto(origin)
    assert.equal(await isLoggedIn(page), false)
  },
)
