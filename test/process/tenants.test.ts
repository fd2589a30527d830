import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { browser } from '../support/browser.ts'
import { startMain } from '../support/npm-start.ts'
import { redisLane } from '../support/redis-server.ts'
import { startParts } from './parts.ts'

const lane = redisLane()

test(
  'main › tenants in CONFIG_FILE, sessions from before they were there › each by host, prefix and default, over a restart and on Redis',
  lane,
  async (t) => {
    const { issuer, upstream, env } = await startParts(t)
    issuer.script.furtherClients = ['acme', 'beta']
    const folder = mkdtempSync(join(tmpdir(), 'tenants-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'latchkey.yaml')
    const client = (id: string) => `client: { id: ${id}, secret: "\${CLIENT_SECRET}" }`
    writeFileSync(
      file,
      `tenants:
  - { id: acme, hosts: [Acme.localhost.], issuer: "${issuer.issuer}", ${client('acme')} }
  - { id: beta, path_prefix: /t/beta, issuer: "${issuer.issuer}", ${client('beta')} }
routes:
  - { path: /api, upstream: "${upstream.origin}" }
`,
    )
    const first = await startMain(t, env)
    const root = browser(first.origin)
    await root.navigate('/login')
    await first.stop()

    const shared = {
      ...env,
      UPSTREAM: '',
      CONFIG_FILE: file,
      CLIENT_SECRET: env.OIDC_CLIENT_SECRET,
    }
    const second = await startMain(t, shared)
    const acme = browser(`http://acme.localhost:${env.PORT}`)
    const beta = browser(second.origin)
    await acme.navigate('/login')
    await beta.navigate('/t/beta/login')
    await second.stop()

    const third = await startMain(t, shared)
    const tenants = [root.call('/session'), acme.call('/session'), beta.call('/t/beta/session')]
    const known = (await Promise.all(tenants)).map((answer) => answer.json()['tenant'])
    assert.deepEqual(known, ['default', 'acme', 'beta'])
    const calls = [root.call('/api/x'), acme.call('/api/x'), beta.call('/t/beta/api/x')]
    assert.deepEqual((await Promise.all(calls)).map(({ status }) => status), [200, 200, 200]) // prettier-ignore
    assert.equal(third.complaints(), '')
  },
)
