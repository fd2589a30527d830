import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startParts } from '../process/parts.ts'
import { browser } from '../support/browser.ts'
import { readAll, startHttpUpstream } from '../support/http-upstream.ts'
import { startMain } from '../support/npm-start.ts'

const mib = 1024 * 1024
const warmBytes = 128 * mib
const bytes = 1024 * mib
const pauseMs = 2_000
/** Most of it lies in the kernel, whose buffers grow with the speed; without back-pressure it would be half of all. */
const underWayBytes = 128 * mib
/** Over a process that has streamed before, and over one that has not: then V8 has its young generation yet to grow. */
const extraBytes = 64 * mib
const firstExtraBytes = 128 * mib

/** A period that is no multiple of any buffer on the way: a lost, doubled or exchanged piece changes the hash. */
const period = Buffer.alloc(mib - 3)
for (let i = 0; i < period.length; i += 1) period[i] = (i * 31 + (i >> 8) * 17 + (i >> 16)) & 255

function* pieces(total: number): Generator<Buffer> {
  for (let left = total; left > 0; left -= period.length) yield period.subarray(0, left)
}

const expectedHash = (() => {
  const hash = createHash('sha256')
  for (const piece of pieces(bytes)) hash.update(piece)
  return hash.digest('hex')
})()

/** Counted on both sides of the broker, by one process. */
type Progress = { sent: number; received: number }

/** Writes as fast as it is taken, and no faster. */
const sendPattern = async (to: Writable, total: number, progress: Progress): Promise<void> => {
  for (const piece of pieces(total)) {
    const taken = to.write(piece)
    progress.sent += piece.length
    if (!taken) await once(to, 'drain')
  }
  to.end()
}

type Received = { readonly hash: string; readonly underWay: number; readonly later: number }

/** Reads all, standing still once after half a gigabyte; tells how much was under way then, and a second later. */
const receivePattern = async (from: IncomingMessage, progress: Progress): Promise<Received> => {
  const hash = createHash('sha256')
  const seen = { underWay: 0, later: 0 }
  const standStill = async () => {
    from.pause()
    await sleep(pauseMs / 2)
    seen.underWay = progress.sent - progress.received
    await sleep(pauseMs / 2)
    seen.later = progress.sent - progress.received
    from.resume()
  }
  from.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    const before = progress.received
    progress.received += chunk.length
    if (before < bytes / 2 && progress.received >= bytes / 2) void standStill()
  })
  await once(from, 'end')
  return { hash: hash.digest('hex'), ...seen }
}

/** Memory as Linux counts it: `VmRSS` now, `VmHWM` at most since the last reset. */
const memory = (pid: number, name: 'VmRSS' | 'VmHWM'): number => {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm')
  return Number(line.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

const linux = existsSync('/proc/self/clear_refs')

/** A broker in a process of its own, before an upstream in ours that takes uploads and sends what `/api/<bytes>` says. */
const setUp = async (t: TestContext) => {
  const progress: Progress = { sent: 0, received: 0 }
  const upstream = await startHttpUpstream(t, async (req, res) => {
    if (req.method === 'POST') return res.end(JSON.stringify(await receivePattern(req, progress)))
    const total = Number(req.url?.slice('/api/'.length))
    res.setHeader('Content-Length', total)
    return await sendPattern(res, total, progress)
  })
  const { env } = await startParts(t, 'process')
  const file = join(mkdtempSync(join(tmpdir(), 'latchkey-gigabyte-')), 'routes.json')
  t.after(() => rmSync(dirname(file), { recursive: true }))
  const route = { path: '/api', upstream: upstream.origin, limits: { body: '2gb' } }
  writeFileSync(file, JSON.stringify({ routes: [route] }))
  const main = await startMain(t, { ...env, UPSTREAM: '', CONFIG_FILE: file })
  const user = browser(main.origin)
  await user.navigate('/login')
  const cookie = user.cookieHeader()
  const own = { cookie, 'sec-fetch-site': 'same-origin', ...(await user.csrf()) }
  const open = (method: string, path: string, headers: Record<string, string> = {}) => {
    const all = { ...own, ...headers }
    const outgoing = request(`${main.origin}${path}`, { method, headers: all, agent: false })
    return { outgoing, answered: once(outgoing, 'response') as Promise<[IncomingMessage]> }
  }
  assert.equal((await user.call('/api/0')).status, 200)
  return { pid: main.pid, atRest: memory(main.pid, 'VmRSS'), progress, open }
}

type World = Awaited<ReturnType<typeof setUp>>

const download = async ({ open, progress }: World, total: number): Promise<Received> => {
  const { outgoing, answered } = open('GET', `/api/${total}`)
  outgoing.end()
  const [answer] = await answered
  return await receivePattern(answer, progress)
}

const upload = async ({ open, progress }: World, total: number, framing: string) => {
  const headers = framing === 'chunked' ? {} : { 'content-length': String(total) }
  const { outgoing, answered } = open('POST', '/api/x', headers)
  await sendPattern(outgoing, total, progress)
  const [answer] = await answered
  // Written by receivePattern.
  return JSON.parse((await readAll(answer)).toString()) as Received
}

/** Sends some, then the gigabyte, and looks at bytes, back-pressure and memory. */
const check = async (
  t: TestContext,
  { pid, atRest, progress }: World,
  transfer: (total: number) => Promise<Received>,
) => {
  await transfer(warmBytes)
  const warm = memory(pid, 'VmRSS')
  // proc(5): resets the peak.
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  progress.sent = progress.received = 0
  const { hash, underWay, later } = await transfer(bytes)
  const peak = memory(pid, 'VmHWM')
  const shown = [atRest, warm, peak, underWay].map((value) => Math.round(value / mib)).join(', ')
  t.diagnostic(`MiB at rest, warm, at most; under way: ${shown}`)
  assert.equal(hash, expectedHash)
  assert.ok(underWay > 0 && underWay < underWayBytes, shown)
  // Whoever is not read has stopped by then.
  assert.ok(later - underWay <= mib, `${later - underWay} bytes came while nobody read`)
  assert.ok(peak - warm < extraBytes, shown)
  assert.ok(peak - atRest < firstExtraBytes, shown)
}

const ways: readonly (readonly [name: string, go: (world: World, total: number) => Promise<Received>])[] = [
  ['download', download],
  ['upload by content-length', (world, total) => upload(world, total, 'content-length')],
  ['upload by chunked', (world, total) => upload(world, total, 'chunked')],
] // prettier-ignore

const options = { timeout: 60_000, skip: linux ? false : 'skipped: memory is read from /proc' }

test('1 GiB › down and up, and a receiver who stands still for 2 s (R27) › every byte, the sender stops meanwhile, at most 64 MiB of memory', options, async (t) => {
  const world = await setUp(t)
  for (const [name, go] of ways)
    await t.test(name, (step) => check(step, world, (total) => go(world, total)))
}) // prettier-ignore
