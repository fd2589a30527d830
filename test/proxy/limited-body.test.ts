import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
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
    const body = limitedBody(req, limit)
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
  const body = limitedBody(req, 100)
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
  const body = limitedBody(req, 100)
  send('half')
  const reading = readAll(body)
  req.destroy()
  await assert.rejects(reading, /went away/)
})
