import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, createServer, request } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { person } from '../flows/real-world.ts'
import { browser, send } from '../support/browser.ts'
import type { Started } from '../support/npm-start.ts'
import { runMain, startMain } from '../support/npm-start.ts'
import { redisLane, startRedis } from '../support/redis-server.ts'
import { listen } from '../support/world.ts'
import { gate, isDraining, isRefused, openGet, startParts, until } from './parts.ts'

const lane = { ...redisLane(), timeout: 120_000 }

type Line = {
  readonly msg?: string
  readonly worker?: number
  readonly pids?: readonly number[]
  readonly path?: string
}

/** What the processes wrote to the log. */
const logOf = ({ lines }: Started): readonly Line[] =>
  lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line)

const pidsOf = (main: Started): readonly number[] =>
  logOf(main).findLast(({ msg }) => msg === 'workers serve')?.pids ?? []

const startWorkers = async (t: TestContext) => {
  const parts = await startParts(t)
  const env = { ...parts.env, WEB_CONCURRENCY: '2', LOG_LEVEL: 'info', SHUTDOWN_SECONDS: '10' }
  const main = await startMain(t, env)
  await until(() => pidsOf(main).length === 2)
  return { ...parts, env, main }
}

/** Workers with a call at the API, which answers when `held` opens. */
const callUnderWay = async (t: TestContext) => {
  const { main, upstream } = await startWorkers(t)
  const user = browser(main.origin)
  await user.navigate('/login')
  const held = gate()
  upstream.answerWith((_req, res) => void held.opened.then(() => res.end('done')))
  const call = once(openGet(t, `${main.origin}/api/slow`, user.cookieHeader()), 'response')
  await until(() => upstream.seen.length === 1)
  return { main, held, call }
}

/** Which workers have answered calls to this path. */
const answered = (main: Started, path: string) =>
  new Set(
    logOf(main)
      .filter((line) => line.path === path)
      .map(({ worker }) => worker),
  )

test('workers › two › both answer, and each knows the session that the other began', lane, async (t) => {
  const { main, issuer } = await startWorkers(t)
  assert.equal(main.lines.filter((line) => line === main.origin).length, 1)
  assert.equal(new Set(pidsOf(main)).size, 2)
  const user = browser(main.origin)
  await user.navigate('/login')
  for (let calls = 0; calls < 24; calls += 1) {
    assert.equal((await user.session())['authenticated'], true)
    assert.equal((await user.call('/api/things')).status, 200)
  }
  await until(() => answered(main, '/session').size === 2)
  assert.equal(answered(main, '/api/things').size, 2)
  assert.equal(issuer.grants('authorization_code'), 1)
  assert.equal(await main.stop(), 0)
  assert.equal(main.complaints(), '')
}) // prettier-ignore

/** A client on a connection that it keeps as long as it lives; what it was told, until it is stopped. */
const keepCalling = (t: TestContext, origin: string, cookie: string) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const seen = { answers: 0, wrong: [] as number[], cut: 0 }
  const stopped = new AbortController()
  const one = async (): Promise<void> => {
    const headers = { cookie, 'sec-fetch-site': 'same-origin' }
    const [answer] = (await once(request(`${origin}/api/x`, { agent, headers, timeout: 10_000 }).end(), 'response')) as [IncomingMessage]
    answer.resume()
    await once(answer, 'end')
    seen.answers += 1
    if (answer.statusCode !== 200) seen.wrong.push(answer.statusCode ?? 0)
  }
  const ended = (async () => {
    while (!stopped.signal.aborted)
      await one().catch(async () => {
        seen.cut += 1
        await sleep(50)
      })
  })()
  const stop = async () => {
    stopped.abort()
    await ended
  }
  return { seen, stop }
} // prettier-ignore

test('workers › SIGKILL of one under load › its connections are cut once, no other notices, and it is replaced', lane, async (t) => {
  const { main } = await startWorkers(t)
  const user = browser(main.origin)
  await user.navigate('/login')
  const clients = Array.from({ length: 16 }, () => keepCalling(t, main.origin, user.cookieHeader()))
  await until(() => clients.every(({ seen }) => seen.answers > 5))
  const [killed = 0, other = 0] = pidsOf(main)
  process.kill(killed, 'SIGKILL')
  await until(() => pidsOf(main).length === 2 && !pidsOf(main).includes(killed))
  const before = clients.map(({ seen }) => seen.answers)
  await until(() => clients.every(({ seen }, i) => seen.answers > (before[i] ?? 0) + 5))
  await Promise.all(clients.map(({ stop }) => stop()))
  assert.deepEqual(clients.flatMap(({ seen }) => seen.wrong), [])
  const cut = clients.map(({ seen }) => seen.cut)
  assert.ok(Math.max(...cut) > 0 && Math.min(...cut) === 0, String(cut))
  assert.ok(cut.every((times) => times <= 2), String(cut))
  assert.ok(pidsOf(main).includes(other))
  assert.equal(logOf(main).filter(({ msg }) => msg === 'worker ended').length, 1)
  for (let calls = 0; calls < 40 && !answered(main, '/session').has(3); calls += 1)
    assert.equal((await user.session())['authenticated'], true)
  await until(() => answered(main, '/session').has(3))
  assert.equal(await main.stop(), 0)
}) // prettier-ignore

test('workers › the first process is killed › the workers end as well, and leave the port', lane, async (t) => {
  const { main, env } = await startWorkers(t)
  main.signal('SIGKILL')
  await until(() => isRefused(main.origin))
  const next = await startMain(t, env)
  assert.equal(next.origin, main.origin)
  assert.equal(await next.stop(), 0)
}) // prettier-ignore

test('workers › SIGTERM, a call is under way › it ends well, meanwhile /readyz says draining; all exit, 0', lane, async (t) => {
  const { main, held, call } = await callUnderWay(t)
  main.signal('SIGTERM')
  await until(() => isDraining(main.origin))
  held.open()
  const [answer] = (await call) as [IncomingMessage]
  answer.resume()
  assert.equal(answer.statusCode, 200)
  assert.equal(await main.exited, 0)
  assert.ok(await isRefused(main.origin))
  assert.equal(main.complaints(), '')
}) // prettier-ignore

test('workers › Ctrl-C, which all of them get, and signals again and again › each drains once, exit 0', lane, async (t) => {
  const { main, held, call } = await callUnderWay(t)
  const pids = pidsOf(main)
  for (const pid of pids) process.kill(pid, 'SIGINT')
  main.signal('SIGINT')
  await until(() => isDraining(main.origin))
  main.signal('SIGTERM')
  main.signal('SIGINT')
  held.open()
  const [answer] = (await call) as [IncomingMessage]
  assert.equal(answer.resume().statusCode, 200)
  assert.equal(await main.exited, 0)
  const drained = logOf(main).filter(({ msg }) => msg === 'draining')
  assert.deepEqual(drained.map(({ worker }) => worker).toSorted(), [1, 2])
  assert.equal(logOf(main).filter(({ msg }) => msg === 'worker ended').length, 0)
}) // prettier-ignore

test('workers › nothing set but Redis › one demo for all, one set of made-up secrets, told once', lane, async (t) => {
  const { url } = await startRedis(t)
  const main = await startMain(t, { PORT: '0', REDIS_URL: url, WEB_CONCURRENCY: '2', LOG_LEVEL: 'info' })
  await until(() => pidsOf(main).length === 2)
  assert.match(main.origin, /^http:\/\/localhost:[1-9]\d*$/)
  assert.equal(main.lines.filter((line) => line === 'alice / wonderland').length, 1)
  assert.equal(main.complaints().match(/^warning:/gm)?.length, 1)
  const login = await send(`${main.origin}/login`, { headers: { 'sec-fetch-mode': 'navigate' } })
  const alice = person(main.origin, new URL(login.headers.location ?? '').origin)
  await alice.logIn('alice')
  for (let calls = 0; calls < 24; calls += 1) {
    assert.equal((await alice.app.session())['authenticated'], true)
    assert.equal((await alice.app.call('/api/me')).status, 200)
  }
  await until(() => answered(main, '/session').size === 2)
  assert.equal(await main.stop(), 0)
}) // prettier-ignore

const inWorkers = 'data:text/javascript,import cluster from "node:cluster"; if (cluster.isWorker) '

test('workers › all end at their start › so does the first process, with their exit code', lane, async (t) => {
  const { env } = await startParts(t)
  const nodeArgs = ['--import', `${inWorkers}{ process.stderr.write("started "); process.exit(78) }`]
  const { code, stdout, stderr } = await runMain(t, { ...env, WEB_CONCURRENCY: '3' }, { nodeArgs })
  assert.deepEqual([code, stdout], [78, ''])
  assert.equal(stderr, 'started started started ')
}) // prettier-ignore

test('workers › bad settings › exit 78, each problem once, by the first process', async (t) => {
  const { code, stdout, stderr } = await runMain(t, { WEB_CONCURRENCY: '4', REDIS_URL: 'redis://127.0.0.1:9', PORT: 'x' })
  assert.deepEqual([code, stdout], [78, ''])
  assert.equal(stderr.match(/cannot start/g)?.length, 1)
  assert.equal(stderr.match(/^ {2}PORT /gm)?.length, 1)
}) // prettier-ignore

test('workers › port in use › exit 1, said once', async (t) => {
  const other = createServer()
  t.after(() => void other.close())
  const port = await listen(other)
  const { code, stdout, stderr } = await runMain(t, {
    PORT: String(port),
    WEB_CONCURRENCY: '4',
    REDIS_URL: 'redis://127.0.0.1:9',
    SESSION_SECRET: 'a-signing-secret-of-enough-length!!',
    SESSION_KEYS: `k1:${Buffer.alloc(32, 3).toString('base64')}`,
  })
  assert.deepEqual([code, stdout], [1, ''])
  assert.equal(stderr.match(/Cannot listen/g)?.length, 1)
}) // prettier-ignore
