import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { silentLog } from '../../server/core/log.ts'
import { logAccess } from '../../server/http/access-log.ts'
import { logfmt, processLog } from '../../server/http/log.ts'
import { assignRequestId } from '../../server/http/request-id.ts'
import { answersOf } from './answers.ts'

const line = (facts: object) => logfmt(JSON.stringify(facts))

const lines: readonly (readonly [object, string])[] = [
  [{ a: 'b', n: 7, ok: true, no: null }, 'a=b n=7 ok=true no=null'],
  [{ msg: 'two words' }, 'msg="two words"'],
  [{ a: '' }, 'a=""'],
  [{ a: 'x=y' }, 'a="x=y"'],
  [{ a: 'say "hi"' }, String.raw`a="say \"hi\""`],
  [{ a: 'back\\slash' }, String.raw`a="back\\slash"`],
  [{ a: 'x\nlevel=50 msg=forged' }, String.raw`a="x\nlevel=50 msg=forged"`],
  [{ a: 'x\r\u0000\u001b[2J' }, String.raw`a="x\r\u0000\u001b[2J"`],
  [{ a: '\u007f\u0085\u009b2J' }, String.raw`a="\u007f\u0085\u009b2J"`],
  [{ a: '\u2028\u2029' }, String.raw`a="\u2028\u2029"`],
  [{ a: 'é' }, 'a="é"'],
  [{ err: { type: 'Error', list: [1] } }, String.raw`err="{\"type\":\"Error\",\"list\":[1]}"`],
]
for (const [facts, expected] of lines)
  test(`logfmt › ${JSON.stringify(facts)} › ${expected}`, () => {
    assert.equal(line(facts), `${expected}\n`)
  })

test('logfmt › any value › neither starts a line nor a field nor commands a terminal', () => {
  const text = fc.string({ unit: 'binary', maxLength: 30 })
  const value = fc.oneof(text, fc.record({ inner: text }), fc.array(text, { maxLength: 3 }))
  fc.assert(
    fc.property(value, (a) => {
      const written = line({ a, end: 1 })
      assert.doesNotMatch(written.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
      assert.match(written, /^a=(?:[^\s"]+|"(?:[^"\\]|\\.)*") end=1\n$/)
    }),
    { numRuns: 2_000 },
  )
})

for (const format of ['json', 'logfmt', 'pretty'] as const)
  test(`processLog › ${format} › one line of level, facts and message for each call`, async () => {
    const out = new PassThrough()
    const log = processLog({ level: 'info', format }, out)
    log.debug({ hidden: 1 }, 'not shown')
    log.info({ code: 'x\ny' }, 'hello')
    const [chunk] = (await once(out, 'data')) as [Buffer]
    const text = chunk.toString('utf8')
    assert.match(text, /hello/)
    assert.doesNotMatch(text, /not shown/)
    if (format !== 'pretty') assert.equal(text.split('\n').length, 2)
  })

type Entry = Readonly<Record<string, unknown>>
const random = {
  token: () => 'fixed-token',
  digits: () => 'fixed-request-id-0001',
  bytes: (length: number) => Buffer.alloc(length),
}

test('logAccess › a call with code and state in its query › one line, never the query', async (t) => {
  const entries: Entry[] = []
  let nowMs = 1_000
  const log = { ...silentLog, info: (facts: object) => void entries.push({ ...facts }) }
  const ask = await answersOf(t, (req, res) => {
    assignRequestId(req, random)
    logAccess({ clock: { nowMs: () => nowMs }, log }, req, res)
    nowMs += 42
    // As Express does while it mounts.
    req.url = '/elsewhere?code=s3cret'
    res.writeHead(204).end()
  })
  const headers = { cookie: 'session=s3cret', authorization: 'Bearer s3cret' }
  await ask({ path: '/callback?code=s3cret&state=s3cret', headers })
  assert.deepEqual(entries, [
    {
      request_id: 'fixed-request-id-0001',
      method: 'GET',
      path: '/callback',
      status: 204,
      duration_ms: 42,
    },
  ])
})

test('logAccess › a browser that goes away in the middle › the line says that the answer was cut', async (t) => {
  const logged = new PassThrough({ objectMode: true })
  const log = { ...silentLog, info: (facts: object) => void logged.write({ ...facts }) }
  const server = createServer((req, res) => {
    logAccess({ clock: { nowMs: () => 0 }, log }, req, res)
    res.write('half')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  // A listening TCP server has an address of this shape.
  const req = request({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  req.on('error', () => undefined)
  req.end()
  await once(req, 'response')
  req.destroy()
  const [facts] = (await once(logged, 'data')) as [Entry]
  assert.deepEqual([facts['cut'], facts['status']], [true, 200])
})
