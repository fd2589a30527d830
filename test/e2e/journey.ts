import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import type { TestContext } from 'node:test'
import type { BrowserContext, Page, Response } from 'playwright-core'
import { startChromium } from '../support/chromium.ts'

export type JourneyOptions = {
  readonly origin: string
  readonly user: string
  readonly password: string
  readonly cookieName: string
  readonly ignoreHTTPSErrors?: boolean
  /** Tokens and secrets that must never be seen, as known so far. */
  readonly secrets?: () => readonly string[]
  readonly picture: string
}

/** Longer than the demo's access token lives. */
const refreshWaitMs = 75_000

const jwtShape = /eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}/

/** Everything of the app's origin that a script, an extension or a log could read. */
const watch = (context: BrowserContext, origin: string) => {
  const seen: { readonly where: string; readonly text: string }[] = []
  const violations: string[] = []
  const reading: Promise<void>[] = []
  const note = async (response: Response) => {
    const url = response.url()
    if (!url.startsWith(origin)) return
    const { 'set-cookie': cookies, location, ...headers } = await response.allHeaders()
    // The address of the provider's logout holds the ID token as a hint; it goes by navigation and no script sees it.
    const shown = location?.includes('id_token_hint') === true ? '' : location
    const body = await response.text().catch(() => '')
    seen.push({ where: url, text: [url, cookies, shown, JSON.stringify(headers), body].join('\n') })
  }
  context.on('response', (response) => reading.push(note(response)))
  context.on('console', (message) => {
    if (/content security policy/i.test(message.text())) violations.push(message.text())
  })
  context.on('request', (request) => {
    if (request.url().startsWith(origin)) seen.push({ where: 'request', text: request.url() })
  })
  return { seen, violations, settled: () => Promise.all(reading) }
}

const logIn = async (page: Page, options: JourneyOptions): Promise<void> => {
  await page.goto(options.origin)
  await page.click('#login')
  await page.waitForURL(/127\.0\.0\.1/)
  await page.fill('input[type="text"], input[name="username"]', options.user)
  await page.fill('input[type="password"]', options.password)
  await page.click('button[type="submit"]')
  await page.waitForURL(`${options.origin}/**`)
  await page.waitForSelector('#who:visible')
}

const useApi = async (page: Page): Promise<void> => {
  await page.click('#call-api')
  await page.waitForSelector('#orders:visible')
  await page.fill('#order-item', 'Brass key')
  await page.fill('#order-quantity', '3')
  await page.click('#order-form button[type="submit"]')
  await page.locator('#orders', { hasText: 'Brass key' }).waitFor()
}

/** The silent refresh is seen by the API's token changing under a page that does nothing for it. */
const seeRefresh = async (page: Page): Promise<void> => {
  const counter = page.locator('#refresh-count', { hasText: /[1-9]/ })
  await counter.waitFor({ timeout: refreshWaitMs })
}

/** As text for the page: the DOM's types are not ours. */
const readStorage = `(async () => JSON.stringify({
  local: { ...localStorage },
  session: { ...sessionStorage },
  databases: await indexedDB.databases(),
  cookie: document.cookie,
  page: document.documentElement.outerHTML,
}))()`

const storageOf = (page: Page): Promise<string> => page.evaluate<string>(readStorage)

/** Login, session, API, silent refresh and logout as a person does them; then what was seen on the way is searched for secrets. */
export const journey = async (t: TestContext, options: JourneyOptions): Promise<void> => {
  const context = await startChromium(t, { ignoreHTTPSErrors: options.ignoreHTTPSErrors ?? false })
  const watched = watch(context, options.origin)
  const page = context.pages()[0] ?? (await context.newPage())
  await logIn(page, options)
  await useApi(page)
  await seeRefresh(page)
  mkdirSync('test-results', { recursive: true })
  await page.screenshot({ path: `test-results/${options.picture}.png`, fullPage: true })

  const sessionCookie = await requireCookies(context, options)
  const storage = await storageOf(page)
  assert.match(storage, /XSRF-TOKEN/, 'the one cookie for scripts')
  assert.ok(!storage.includes(sessionCookie), 'the session cookie is not for scripts')

  await page.click('#logout')
  await page.waitForURL((url) => url.origin === options.origin)
  await page.waitForSelector('#login:visible')
  await watched.settled()
  const left = await context.cookies(options.origin)
  assert.ok(!left.some(({ name }) => name === options.cookieName), 'the session cookie is gone')

  assert.deepEqual(watched.violations, [])
  assert.ok(watched.seen.length > 10)
  for (const { where, text } of [...watched.seen, { where: 'storage', text: storage }]) {
    assert.doesNotMatch(text, jwtShape, `a JWT in ${where}`)
    for (const secret of options.secrets?.() ?? [])
      assert.ok(!text.includes(secret), `a secret in ${where}`)
  }
}

/** Checks the session cookie's flags; the result is its value. */
const requireCookies = async (
  context: BrowserContext,
  options: JourneyOptions,
): Promise<string> => {
  const cookies = await context.cookies(options.origin)
  const session = cookies.find(({ name }) => name === options.cookieName)
  const secure = options.origin.startsWith('https:')
  assert.ok(session, `a cookie named ${options.cookieName}`)
  const { httpOnly, sameSite, path } = session
  const expected = { httpOnly: true, sameSite: 'Strict', path: '/', secure }
  assert.deepEqual({ httpOnly, sameSite, path, secure: session.secure }, expected)
  return session.value
}
