import assert from 'node:assert/strict'
import { test } from 'node:test'
import { capturedLog } from '../support/captured-log.ts'
import { loginsAre, mfa, startStrictWorld, stepUpUrl } from '../support/step-up.ts'

for (const [acr, said] of [
  ['pwd', 'acr is "pwd", none of urn:example:mfa, urn:hwk'],
  [undefined, 'acr is missing, none of urn:example:mfa, urn:hwk'],
] as const)
  test(`step-up › answered with acr ${String(acr)} › the log says what came and what was asked for`, async (t) => {
    const { log, text } = capturedLog()
    const { world, user } = await startStrictWorld(t, { acr: [mfa, 'urn:hwk'] }, { log })
    const url = await stepUpUrl(user)
    loginsAre(world, { acr, secondsAgo: 0 })
    await user.navigate(url, 'same-origin')
    assert.ok(text().includes(JSON.stringify(`login_failed: ${said}`)), text())
  })
