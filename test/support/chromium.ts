import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { BrowserContext } from 'playwright-core'
import { chromium } from 'playwright-core'
import { laneSkip } from './lane.ts'

const executablePath = '/usr/bin/chromium'

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Why the browser lane cannot run here, or false. */
export const chromiumSkip = laneSkip(
  executablePath,
  ['--version'],
  'Install the package chromium to run the browser lane.',
)

/** A real Chromium with a profile of its own, gone after the test. */
export const startChromium = async (
  t: TestContext,
  options: { readonly ignoreHTTPSErrors?: boolean } = {},
): Promise<BrowserContext> => {
  const profile = mkdtempSync(join(tmpdir(), 'latchkey-chromium-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: flags,
    viewport: { width: 1280, height: 860 },
    ...options,
  })
  t.after(async () => {
    await context.close()
    rmSync(profile, { recursive: true, force: true })
  })
  return context
}
