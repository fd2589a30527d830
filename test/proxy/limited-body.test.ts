import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { limitedBody } from '../../server/proxy/limited-body.ts'
import { readAll } from '../support/http-upstream.ts'

/** A request whose body is fed by hand. */
const request = () => {
  const req = new IncomingMessage(new Socket())
  req._read = () => undefined
  const send = (...chunks: readonly string[]) => chunks.forEach((chunk) => req.push(chunk))
  const end = () => {
    req.complete = true
    req.push(null)
  }
  return { req, send, end }
}

const idleMs = 60_000

const bodies: readonly (readonly [chunks: readonly string[], limit: number, fits: boolean])[] = [
  [[], 0, true],
  [['abc'], 3, true],
  [['abc', 'd'], 4, true],
  [['abc', 'd'], 3, false],
  [['abcd'], 3, false],
  [['a'], 0, false],
]

for (const [chunks, limit, fits] of bodies)
  test(`limitedBody › ${JSON.stringify(chunks)} where ${limit} may pass › ${fits ? 'whole' : 'body_too_large'}`, async () => {
    const { req, send, end } = request()
    const body = limitedBody(req, { limitBytes: limit, idleMs })
    send(...chunks)
    if (fits) {
      end()
      assert.equal((await readAll(body)).toString(), chunks.join(''))
    } else {
      await assert.rejects(readAll(body), { code: 'body_too_large' })
      // Whoever sent it still has an answer coming on its connection.
      assert.equal(req.destroyed, false)
    }
  })

test('limitedBody › the upstream lets go of it early › the request lives, its rest is dropped', async () => {
  const { req, send, end } = request()
  const body = limitedBody(req, { limitBytes: 100, idleMs })
  send('first')
  await turn()
  body.destroy()
  await turn()
  assert.equal(req.destroyed, false)
  const ended = new Promise((resolve) => req.once('end', resolve))
  send('the rest')
  end()
  await ended
})

test('limitedBody › the client goes away › it fails, and does not end', async () => {
  const { req, send } = request()
  const body = limitedBody(req, { limitBytes: 100, idleMs })
  send('half')
  const reading = readAll(body)
  req.destroy()
  await assert.rejects(reading, { name: 'UploadCut', reason: 'client_gone' })
})

test('limitedBody › the client stands still › it fails, the request lives', async () => {
  const { req, send } = request()
  const body = limitedBody(req, { limitBytes: 100, idleMs: 30 })
  send('half')
  await assert.rejects(readAll(body), { name: 'UploadCut', reason: 'stalled' })
  assert.equal(req.destroyed, false)
})

test('limitedBody › the upstream does not read › nobody is blamed for standing still', async () => {
  const { req, send, end } = request()
  const body = limitedBody(req, { limitBytes: 100, idleMs: 20 })
  send('half')
  await sleep(100)
  assert.equal(body.destroyed, false)
  end()
  assert.equal((await readAll(body)).toString(), 'half')
})

test('limitedBody › slow, but it flows › arrives whole', async () => {
  const { req, send, end } = request()
  const body = limitedBody(req, { limitBytes: 100, idleMs: 400 })
  const reading = readAll(body)
  for (let sent = 0; sent < 8; sent += 1) {
    send('a')
    await sleep(80)
  }
  end()
  assert.equal((await reading).toString(), 'aaaaaaaa')
})
