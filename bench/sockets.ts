import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser } from '../test/support/browser.ts'
import { browser } from '../test/support/browser.ts'

/**
 * How much memory an open WebSocket costs the broker, and how long a logout takes to reach its sockets:
 * `node bench/sockets.ts [count] [per session] [Redis address]`. Three processes on loopback; the sockets are quiet.
 */
const count = Number(process.argv[2] ?? 5_000)
const perSession = Number(process.argv[3] ?? 10)
const redisUrl = process.argv[4]
const warmCalls = 18_000
const children: ChildProcess[] = []

const startHost = async (file: string, ...args: readonly string[]) => {
  const path = new URL(`hosts/${file}`, import.meta.url).pathname
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { port } = JSON.parse(line) as { port: number }
  return { pid: child.pid ?? 0, port, origin: `http://localhost:${port}` }
}

const rssKiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

const openSocket = async (port: number, cookie: string): Promise<Socket> => {
  const socket = connect(port, 'localhost')
  socket.on('error', () => socket.destroy())
  socket.write(
    [
      'GET /api/ws HTTP/1.1',
      `Host: localhost:${port}`,
      `Origin: http://localhost:${port}`,
      `Cookie: ${cookie}`,
      'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
      'Accept-Language: en-US,en;q=0.5',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      '\r\n',
    ].join('\r\n'),
  )
  const [head] = (await once(socket, 'data')) as [Buffer]
  if (!head.toString('latin1').startsWith('HTTP/1.1 101 ')) throw new Error(head.toString('latin1'))
  return socket
}

const openAll = async (port: number, origin: string, sockets: number) => {
  const users: { user: Browser; sockets: Socket[] }[] = []
  for (let opened = 0; opened < sockets; opened += perSession) {
    const user = browser(origin)
    await user.navigate('/login')
    const own = Array.from({ length: Math.min(perSession, sockets - opened) }, () =>
      openSocket(port, user.cookieHeader()),
    )
    users.push({ user, sockets: await Promise.all(own) })
  }
  return users
}

const closeMs = async (users: Awaited<ReturnType<typeof openAll>>, one: number) => {
  const { user, sockets } = users[one] ?? { user: undefined, sockets: [] }
  if (user === undefined) return undefined
  const headers = await user.csrf()
  const told = Promise.all(sockets.map((socket) => once(socket, 'data')))
  await user.call('/logout', { method: 'POST', headers })
  const startMs = performance.now()
  await told
  return performance.now() - startMs
}

/** What a broker in use has behind it: code compiled, a heap of its usual size. */
const callOften = async (user: Browser, calls: number) => {
  for (let done = 0; done < calls; done += 1) await user.call('/api/x')
}

try {
  const upstream = await startHost('echo-sockets.ts')
  const redis = redisUrl === undefined ? [] : [redisUrl]
  const broker = await startHost('broker.ts', upstream.origin, ...redis)
  const warm = await openAll(broker.port, broker.origin, 300)
  await Promise.all(warm.map(({ user }) => callOften(user, warmCalls / warm.length)))
  warm.forEach(({ sockets }) => sockets.forEach((socket) => socket.destroy()))
  await sleep(6_000)
  const before = rssKiB(broker.pid)
  const users = await openAll(broker.port, broker.origin, count)
  await sleep(2_000)
  const after = rssKiB(broker.pid)
  const logoutMs: number[] = []
  for (let one = 0; one < 20; one += 1) logoutMs.push((await closeMs(users, one)) ?? NaN)
  const facts = {
    callsBefore: warmCalls,
    sockets: count,
    sessions: users.length,
    rssBeforeKiB: before,
    rssAfterKiB: after,
    kibPerSocket: Math.round(((after - before) / count) * 10) / 10,
    logoutToCloseFrameMs: Math.round(Math.max(...logoutMs)),
  }
  process.stdout.write(`${JSON.stringify(facts, undefined, 2)}\n`)
  users.forEach(({ sockets }) => sockets.forEach((socket) => socket.destroy()))
} finally {
  for (const child of children) child.kill()
}
