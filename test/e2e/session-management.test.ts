import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { chromiumSkip, startChromium } from '../support/chromium.ts'
import { eventually } from '../support/raw.ts'
import { offerSessionManagement } from '../support/session-management.ts'
import { startWorld } from '../support/world.ts'

/** Before any script of the page: notes what the window is made to listen to. */
const noteListeners = `(() => {
  const own = EventTarget.prototype.addEventListener
  globalThis.heard = []
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (this === window || this === undefined) globalThis.heard.push(type)
    return own.call(this, type, ...rest)
  }
})()`

/** As the provider's frame sends it, and by its origin: what a listener would believe most. */
const tell = (page: Page, data: string, origin: string) =>
  page.evaluate(
    `dispatchEvent(new MessageEvent('message', ${JSON.stringify({ data, origin })})); window.postMessage(${JSON.stringify(data)}, '*')`,
  )

/** A message that was sent before has been heard by then, and what the page did of it has been asked for. */
const roundTrip = (page: Page) =>
  page.evaluate(`new Promise((done) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => fetch('/session').then(done)
    setTimeout(() => port2.postMessage(0))
  }).then(() => undefined)`)

test(
  'Chromium › SM-3.1-a SM-3.1-b SM-5.1-a session management at the provider › its frame is refused, and no message makes the app ask anew',
  { skip: chromiumSkip, timeout: 60_000 },
  async (t) => {
    const { origin, issuer } = await startWorld(t)
    const frame = offerSessionManagement(issuer)
    const asked = () => issuer.paths.filter((path) => path === '/authorize').length
    const context = await startChromium(t)
    const page = context.pages()[0] ?? (await context.newPage())
    await page.addInitScript(noteListeners)
    await page.goto(`${origin}/login`)
    await page.waitForURL(`${origin}/`)
    await page.waitForSelector('#who:visible')
    assert.equal(asked(), 1)

    const heard = await page.evaluate<string[]>('globalThis.heard')
    assert.ok(heard.includes('pageshow'), 'the app has listeners, and they are noted')
    assert.ok(!heard.includes('message'))
    assert.equal(await page.evaluate('window.onmessage'), null)

    const refused = `new Promise((done) => {
      addEventListener('securitypolicyviolation', (e) => done(e.effectiveDirective))
      document.body.append(Object.assign(document.createElement('iframe'), { src: '${frame}' }))
    })`
    assert.equal(await page.evaluate(refused), 'frame-src')
    assert.ok(!issuer.paths.includes('/check-session'))

    for (const data of [...Array.from({ length: 20 }, () => 'changed'), 'error', 'unchanged'])
      for (const from of [issuer.issuer, origin, 'https://evil.test']) await tell(page, data, from)
    await roundTrip(page)
    assert.deepEqual([asked(), page.url()], [1, `${origin}/`])

    // An app that did as section 3.1 has it would be seen.
    await page.evaluate(
      `addEventListener('message', ({ data }) => data === 'changed' && location.assign('/login?prompt=none&acr_values=any'))`,
    )
    await tell(page, 'changed', issuer.issuer)
    await eventually('the provider is asked anew', () => asked() === 2)
  },
)
