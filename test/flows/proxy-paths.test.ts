import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Pair } from '../support/raw.ts'
import { appHeaders, openDoor, parseAnswer, rawExchange, requestText } from '../support/raw.ts'
import { startWorld } from '../support/world.ts'

const setUp = async (t: TestContext) => {
  const world = await startWorld(t)
  const door = await openDoor(t, world)
  return { world, door, headers: await appHeaders(await world.loggedIn()) }
}

const badPaths = [
  '/api/../admin',
  '/api/%2e%2e/admin',
  '/api/%2E./admin',
  '/api/.%2e/admin',
  '/api/\\..\\admin',
  '/api/a%09/../..',
  '/api/..%2fadmin',
  '/api/..%5cadmin',
  '/api/..;/admin',
  '/api/x;a=1',
  '/api/%252e%252e/admin',
  '/api/%252fadmin',
  '/api/./x',
  '/api/.',
  '/api/..',
  '/api//evil.test',
  '//evil.test/api/x',
  '/\\evil.test/api',
  '/api/%00',
  '/api/%0d%0aX-Evil:1',
  '/api/%61pi',
  '/api/%',
  '/api/%zz',
  '/api/%ff',
  '/api/x#y',
  '/api/x?y#z',
  '*',
  'api/x',
]

test('path › not canonical (R1, R3, BBA-6.1.3.6-b) › 400 invalid_path, upstream silent', async (t) => {
  const { world, door, headers } = await setUp(t)
  for (const path of badPaths)
    await t.test(path, async () => {
      const answer = await door.ask(`GET ${path}`, headers)
      assert.equal(answer.status, 400, answer.body)
      assert.match(answer.body, /"code":"invalid_path"/)
      assert.equal(world.upstream.seen.length, 0)
    })
})

test('path › bytes outside ASCII › 400, upstream silent', async (t) => {
  const { world, door, headers } = await setUp(t)
  assert.equal((await door.ask('GET /api/\u00fc', headers)).status, 400)
  assert.equal((await door.ask('GET /api/\u0000x', headers)).status, 400)
  assert.equal(world.upstream.seen.length, 0)
})

const keptTargets = [
  '/api/x?a=1&a=2&b=%2F;c',
  '/api/x?',
  '/api/x??y=//../%2e%2e',
  '/api/caf%C3%A9/%20',
  '/api/a,b/(c)/@d:e/!$&*+=~_-.f',
  '/api/trailing/',
  '/api?x',
  '/api/x?u=http://evil.test/',
  `/api/x?long=${'y'.repeat(4_000)}`,
]

test('path › canonical (HTTP-7.7-a) › path and query reach the upstream byte for byte', async (t) => {
  const { world, door, headers } = await setUp(t)
  for (const target of keptTargets) {
    const answer = await door.ask(`GET ${target}`, headers)
    assert.equal(answer.status, 200, target)
    assert.equal(world.upstream.last().url, target)
  }
})

type HostCase = readonly [name: string, hosts: (own: string) => readonly string[], status: number]

const hostCases: readonly HostCase[] = [
  ['own', (own) => [own], 200],
  ['own in capitals', (own) => [own.toUpperCase()], 200],
  ['foreign', () => ['evil.test'], 421],
  ['own twice (MSG-3.2-a)', (own) => [own, own], 400],
  ['own and foreign', (own) => [own, 'evil.test'], 400],
  ['foreign and own', (own) => ['evil.test', own], 400],
  ['user info', (own) => [`${own}@evil.test`], 421],
  ['user info before own', (own) => [`a@${own}`], 421],
  ['trailing dot', (own) => [own.replace(':', '.:')], 421],
  ['no port', (own) => [own.split(':')[0] ?? ''], 421],
  ['another port', (own) => [own.replace(/:\d+/, ':1')], 421],
  ['a list', (own) => [`${own}, evil.test`], 421],
  ['a path', (own) => [`${own}/x`], 421],
  ['empty', () => [''], 421],
]

test('Host › R22 › only our own is served, the upstream hears of no other', async (t) => {
  const { world, door, headers } = await setUp(t)
  for (const [name, hosts, status] of hostCases)
    await t.test(name, async () => {
      const before = world.upstream.seen.length
      const pairs = hosts(door.host).map((host): Pair => ['Host', host])
      const bytes = requestText('GET /api/x', [...pairs, ['Connection', 'close'], ...headers])
      const answer = parseAnswer(await rawExchange(t, door.port, bytes))
      assert.equal(answer.status, status, answer.body)
      assert.equal(world.upstream.seen.length - before, status === 200 ? 1 : 0)
      if (status === 421) assert.match(answer.body, /"code":"unknown_host"/)
    })
})

test('Host › missing (MSG-3.2-a) › 400, upstream silent', async (t) => {
  const { world, door, headers } = await setUp(t)
  const bytes = requestText('GET /api/x', [['Connection', 'close'], ...headers])
  assert.equal(parseAnswer(await rawExchange(t, door.port, bytes)).status, 400)
  assert.equal(world.upstream.seen.length, 0)
})

test('Host › named by X-Forwarded-Host (R22) › counts for nothing', async (t) => {
  const { world, door, headers } = await setUp(t)
  await door.ask('GET /api/x', [...headers, ['X-Forwarded-Host', 'evil.test']])
  assert.equal(world.upstream.last().headers['x-forwarded-host'], door.host)
})

const absoluteForms: readonly (readonly [string, (own: string) => string, number, string])[] = [
  ['our own', (own) => `http://${own}/api/x`, 400, 'invalid_path'],
  ['foreign', () => 'http://evil.test/api/x', 421, 'unknown_host'],
  ['link-local', () => 'http://169.254.169.254/', 421, 'unknown_host'],
  ['our own as user info', (own) => `http://${own}@evil.test/api/x`, 421, 'unknown_host'],
  ['foreign https', () => 'https://evil.test/api/x', 421, 'unknown_host'],
]

test('target › absolute-form (R2, MSG-3.2.2-a) › refused, nothing goes out', async (t) => {
  const { world, door, headers } = await setUp(t)
  for (const [name, target, status, code] of absoluteForms)
    await t.test(name, async () => {
      const answer = await door.ask(`GET ${target(door.host)}`, headers)
      assert.equal(answer.status, status)
      assert.match(answer.body, new RegExp(`"code":"${code}"`))
      assert.equal(world.upstream.seen.length, 0)
    })
})
