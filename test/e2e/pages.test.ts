import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chromiumSkip, startChromium } from '../support/chromium.ts'
import { startMain } from '../support/npm-start.ts'

test(
  'Chromium › the page that asks before it logs out › its button works, and nobody is logged out before (RPL-CSRF, C12, C13)',
  { skip: chromiumSkip },
  async (t) => {
    const { origin } = await startMain(t, { PORT: '0', LOG_LEVEL: 'warn' })
    const context = await startChromium(t)
    const page = context.pages()[0] ?? (await context.newPage())
    await page.goto(`${origin}/login`)
    await page.fill('input[name="username"]', 'bob')
    await page.fill('input[type="password"]', 'builder')
    await page.click('button[type="submit"]')
    await page.waitForURL(`${origin}/**`)

    await page.goto(`${origin}/logout?return_to=%2Fbye`)
    assert.match(await page.textContent('h1').then(String), /Log out\?/)
    await page.goBack()
    await page.waitForSelector('#who:visible')
    await page.goto(`${origin}/logout?return_to=%2Fbye`)
    await page.click('button[type="submit"]')
    await page.waitForURL(`${origin}/bye`)
    await page.goto(`${origin}/session`)
    assert.match(await page.textContent('body').then(String), /"authenticated":false/)
  },
)

test(
  'Chromium › back, stale and doubled callbacks › end on the page that was asked for, never on an error (R10)',
  { skip: chromiumSkip },
  async (t) => {
    const { origin } = await startMain(t, { PORT: '0', LOG_LEVEL: 'warn' })
    const context = await startChromium(t)
    const page = context.pages()[0] ?? (await context.newPage())
    const callbacks: string[] = []
    page.on('request', (request) => {
      if (request.url().startsWith(`${origin}/callback`)) callbacks.push(request.url())
    })
    const stale = await context.newPage()
    await stale.goto(`${origin}/login?return_to=%2Fstale`)
    await page.goto(`${origin}/login?return_to=%2Forders`)
    await page.fill('input[name="username"]', 'alice')
    await page.fill('input[type="password"]', 'wonderland')
    await page.click('button[type="submit"]')
    await page.waitForURL(`${origin}/orders`)
    // The same callback again, as a reload or a doubled click sends it.
    await page.goto(callbacks[0] ?? '')
    await page.waitForURL(`${origin}/orders`)
    await page.waitForSelector('#who:visible')
    // The tab whose login form was left open.
    await stale.fill('input[name="username"]', 'alice')
    await stale.fill('input[type="password"]', 'wonderland')
    await stale.click('button[type="submit"]')
    await stale.waitForURL(`${origin}/stale`)
    // A callback nobody here has started.
    await stale.goto(`${origin}/callback?code=x&state=unknown`)
    await stale.waitForURL(`${origin}/`)
    await stale.waitForSelector('#who:visible')
  },
)
