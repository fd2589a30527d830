import type { TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import { chromiumSkip, startChromium } from '../support/chromium.ts'
import { people } from './realm.ts'
import { lanes } from './setups.ts'

/** For what is done in a browser, with Keycloak and Redis behind. */
export const browserLanes = { skip: lanes.skip !== false ? lanes.skip : chromiumSkip }

/** As text for the page: the DOM's types are not ours. */
const getJson = (path: string) =>
  `fetch(${JSON.stringify(path)}).then(async (r) => ({ status: r.status, body: await r.json() }))`

type Got = { readonly status: number; readonly body: Readonly<Record<string, unknown>> }

/** Alice in a real Chromium, logged in by Keycloak's form. */
export const startAlice = async (t: TestContext, origin: string) => {
  const context = await startChromium(t)
  const page = context.pages()[0] ?? (await context.newPage())
  const { password } = people.alice
  await page.goto(`${origin}/login?return_to=/orders`)
  await page.fill('input[name="username"]', 'alice')
  await page.fill('input[name="password"]', password)
  await page.click('button[type="submit"], input[type="submit"]')
  await page.waitForURL(`${origin}/orders`)
  const cookie = async (): Promise<string> => {
    const found = (await context.cookies(origin)).find(({ name }) => name === 'session')
    return found?.value ?? ''
  }
  return { page, cookie, get: (path: string) => page.evaluate<Got>(getJson(path)) }
}

/** What a script of the page does to send the browser somewhere, and the page where it ends. */
export const assign = async (page: Page, address: string): Promise<void> => {
  await page.evaluate(`location.assign(${JSON.stringify(address)})`)
}
