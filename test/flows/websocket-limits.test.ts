import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { startStreams } from '../support/streams.ts'
import type { World } from '../support/world.ts'

const limit = { timeout: 30_000 }

const closeOf = async (ws: WebSocket) => {
  const [code, reason] = (await once(ws, 'close')) as [number, Buffer]
  return [code, reason.toString()]
}

const refusalOf = async (ws: WebSocket) => {
  const [, answer] = (await once(ws, 'unexpected-response')) as [
    unknown,
    AsyncIterable<Buffer> & { statusCode: number; headers: Record<string, string> },
  ]
  let text = ''
  for await (const chunk of answer) text += chunk.toString()
  const { code } = JSON.parse(text) as { code: string }
  return [answer.statusCode, code, answer.headers['retry-after']]
}

const caps = [
  [{ perProcess: 10, perSession: 2 }, 429, 'too_many_websockets'],
  [{ perProcess: 2, perSession: 10 }, 503, 'websockets_exhausted'],
] as const

for (const [webSockets, status, code] of caps)
  test(
    `websocket › one more than ${JSON.stringify(webSockets)} › ${status} ${code}; another fits once one has closed`,
    limit,
    async (t) => {
      const { world, user, openSocket } = await startStreams(t, { streaming: { webSockets } })
      const [first] = [await openSocket(), await openSocket()]
      const headers = { cookie: user.cookieHeader(), origin: world.origin }
      const one = new WebSocket(`${world.origin.replace('http', 'ws')}/api/ws`, { headers })
      one.on('error', () => undefined)
      assert.deepEqual(await refusalOf(one), [status, code, '5'])
      if (code === 'too_many_websockets') await startOther(world)
      first.ws.close()
      await first.closed
      await sleep(100)
      await openSocket()
    },
  )

/** Another session is not counted with the first. */
const startOther = async (world: World) => {
  const other = await world.loggedIn()
  const headers = { cookie: other.cookieHeader(), origin: world.origin }
  const ws = new WebSocket(`${world.origin.replace('http', 'ws')}/api/ws`, { headers })
  await once(ws, 'open')
  ws.terminate()
}

for (const way of ['goAway', 'close'] as const)
  test(`websocket › broker.${way}() › close 1001 to both sides`, limit, async (t) => {
    const { world, openSocket, peers } = await startStreams(t)
    const { closed } = await openSocket()
    const apiHears = closeOf(peers[0] ?? assert.fail('no API end'))
    const ended = world.broker[way]()
    const { code, reason } = await closed
    assert.deepEqual([code, reason], [1001, 'going_away'])
    assert.deepEqual(await apiHears, [1001, 'going_away'])
    await ended
  })
