import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import { test } from 'node:test'
import type { Latencies, OpenLoop } from '../../bench/clients/open-loop.ts'
import { startChild } from '../../bench/world/children.ts'
import { listen } from '../support/world.ts'

const file = (path: string) => new URL(`../../bench/${path}`, import.meta.url).pathname
const limit = { timeout: 60_000 }

test(
  'open loop › a server that stands still › is charged for every request that waited',
  limit,
  async (t) => {
    const stillMs = 500
    let firstMs = 0
    const server = createServer((_req, res) => {
      firstMs ||= performance.now()
      setTimeout(() => res.end('{}'), Math.max(0, firstMs + stillMs - performance.now()))
    })
    const port = await listen(server)
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const url = `http://localhost:${port}/`
    // A closed loop on two connections would see two slow answers of 200.
    const rate = { perSecond: 200, seconds: 1, warmUpSeconds: 0 }
    const plan: OpenLoop = { url, headers: {}, ...rate, connections: 2 }
    const child = startChild(process.execPath, [file('clients/open-loop.ts'), JSON.stringify(plan)])
    const found = JSON.parse(await child.line(/^\{/)) as Latencies
    await child.end()
    assert.deepEqual([found.answered, found.failed], [200, 0])
    assert.ok(found.p99Ms > 300, `p99 ${found.p99Ms} ms`)
  },
)

const bench = (...args: string[]) =>
  spawnSync(process.execPath, [file('run.ts'), ...args], { encoding: 'utf8', timeout: 50_000 })

test('npm run bench › --help › names every part and measures nothing', limit, () => {
  const { status, stdout } = bench('--help')
  assert.equal(status, 0)
  for (const name of [
    'throughput',
    'peers',
    'latency',
    'sessions',
    'routes',
    'streams',
    'redis',
    'memory',
  ])
    assert.match(stdout, new RegExp(`^  ${name} `, 'm'))
})

test('npm run bench › a part that does not exist › is refused', limit, () => {
  const { status, stdout } = bench('nonsense')
  assert.equal(status, 2)
  assert.match(stdout, /There is no part nonsense/)
})
