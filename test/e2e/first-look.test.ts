import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chromiumSkip } from '../support/chromium.ts'
import { startMain } from '../support/npm-start.ts'
import { journey } from './journey.ts'

test(
  'Chromium › npm start with nothing set › login, session, API, silent refresh, logout',
  { skip: chromiumSkip },
  async (t) => {
    const { origin, stop } = await startMain(t, { PORT: '0', LOG_LEVEL: 'warn' })
    assert.match(origin, /^http:\/\/localhost:\d+$/)
    const [user, password] = ['alice', 'wonderland']
    await journey(t, { origin, user, password, cookieName: 'session', picture: 'demo-app' })
    assert.equal(await stop(), 0)
  },
)
