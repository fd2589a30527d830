import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { ErrorDetail } from '../../server/core/errors.ts'
import { BrokerError } from '../../server/core/errors.ts'
import type { FailureCode } from '../../server/core/failures.ts'
import { failures } from '../../server/core/failures.ts'
import { systemRandom } from '../../server/core/random.ts'
import type { Replies } from '../../server/http/reply.ts'
import { replies } from '../../server/http/reply.ts'
import { assignRequestId } from '../../server/http/request-id.ts'
import { answersOf } from './answers.ts'

type Handler = (
  reply: Replies,
  ...args: [req: IncomingMessage, res: ServerResponse, location: string]
) => unknown

const asking = (t: TestContext, handler: Handler, secure = true) => {
  const reply = replies({ secure, realm: 'app', formOrigins: () => ['https://id.test'] })
  return answersOf(t, (req, res) => {
    assignRequestId(req, systemRandom)
    handler(reply, req, res, '/next')
  })
}
const failing = (t: TestContext, code: FailureCode, info?: ErrorDetail) =>
  asking(t, (reply, req, res) => reply.failure(req, res, new BrokerError(code, info)))

const navigation = { headers: { 'sec-fetch-mode': 'navigate' } }

const own: readonly (readonly [string, Handler, object])[] = [
  ['json', (reply, req, res) => reply.json(req, res, 200, { a: 1 }), {}],
  ['page', (reply, req, res) => reply.page(req, res, 200, { title: 'x', body: 'y' }), {}],
  ['redirect', (reply, ...args) => reply.redirect(...args), {}],
  ['problem', (reply, req, res) => reply.failure(req, res, new BrokerError('no_route')), {}],
  ['error page', (reply, req, res) => reply.failure(req, res, new BrokerError('internal_error')), navigation], // prettier-ignore
]
for (const [name, handler, asked] of own)
  test(`replies › V3.4.1 V3.4.3 V3.4.4 V3.4.5 V3.4.6 V3.4.8 ${name} › has every header of the broker's own answers`, async (t) => {
    const { headers } = await (await asking(t, handler))(asked)
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['strict-transport-security'], 'max-age=63072000; includeSubDomains')
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['x-frame-options'], 'DENY')
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    const policy = String(headers['content-security-policy'])
    for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"])
      assert.ok(policy.includes(part), policy)
    assert.doesNotMatch(policy, /unsafe|\*/)
    assert.match(String(headers['x-request-id']), /^[0-9a-f]{32}$/)
    assert.equal(headers['x-powered-by'], undefined)
  })

test('replies › plain http › no HSTS', async (t) => {
  const ask = await asking(t, (reply, ...args) => reply.redirect(...args), false)
  assert.equal((await ask()).headers['strict-transport-security'], undefined)
})

// Object.keys forgets the literal names of a closed table.
for (const code of Object.keys(failures) as FailureCode[])
  test(`failure › ${code} › problem+json for a script, a page with the same facts for a navigation`, async (t) => {
    const ask = await failing(t, code)
    const script = await ask()
    assert.equal(script.status, failures[code].status)
    assert.equal(script.headers['content-type'], 'application/problem+json; charset=utf-8')
    const problem: unknown = JSON.parse(script.text)
    assert.ok(typeof problem === 'object' && problem !== null)
    assert.equal(Reflect.get(problem, 'code'), code)
    assert.equal(Reflect.get(problem, 'request_id'), script.headers['x-request-id'])
    const page = await ask(navigation)
    assert.equal(page.status, failures[code].status)
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
    assert.equal(page.headers['location'], undefined)
    for (const fact of [code, failures[code].title, String(page.headers['x-request-id'])])
      assert.ok(page.text.includes(fact))
    assert.match(page.text, /<a class="button" href="\/">/)
    assert.match(String(script.headers['vary']), /Accept, Sec-Fetch-Mode/)
    const challenge = failures[code].status === 401 ? 'Session realm="app"' : undefined
    assert.equal(script.headers['www-authenticate'], challenge)
  })

test('failure › Retry-After, Allow and login_url › are there when known, and only then', async (t) => {
  const info = { retryAfterSeconds: 5, allow: ['GET', 'HEAD'], loginUrl: '/login?a=1&b=2' }
  const known = await failing(t, 'login_required', info)
  const { headers, text } = await known()
  assert.deepEqual([headers['retry-after'], headers['allow']], ['5', 'GET, HEAD'])
  assert.match(text, /"login_url":"\/login\?a=1&b=2"/)
  assert.match((await known(navigation)).text, /<a class="button" href="\/login\?a=1&amp;b=2">/)
  const bare = await (await failing(t, 'login_required'))()
  assert.deepEqual([bare.headers['retry-after'], bare.headers['allow']], [undefined, undefined])
  assert.doesNotMatch(bare.text, /"login_url"/)
})

test('failure › a detail that is markup › stays text on the page', async (t) => {
  const ask = await failing(t, 'invalid_parameter', { detail: `<script>alert('"&')</script>` })
  const { text } = await ask(navigation)
  assert.ok(text.includes('&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;'))
  assert.ok(!text.includes('<script'))
})

test('failure › a request id from outside › cannot be markup', async (t) => {
  const id = '"><script>alert(1)</script>'
  const ask = await failing(t, 'no_route')
  const { text, headers } = await ask({ headers: { ...navigation.headers, 'x-request-id': id } })
  assert.ok(!text.includes('<script'))
  assert.notEqual(headers['x-request-id'], id)
})

test('failure › an error of ours › neither stack nor cause goes out', async (t) => {
  const cause = new Error('password hunter2')
  const ask = await failing(t, 'internal_error', { cause, detail: 'at server/x.ts:1' })
  for (const { text } of [await ask(), await ask(navigation)])
    assert.doesNotMatch(text, /hunter2|server\/x\.ts|Error:/)
})

for (const asked of [{}, navigation])
  test(`failure › HEAD ${JSON.stringify(asked)} › the headers of GET, and no body`, async (t) => {
    const ask = await failing(t, 'no_route')
    const [get, head] = [await ask(asked), await ask({ ...asked, method: 'HEAD' })]
    assert.deepEqual([head.status, head.text], [404, ''])
    assert.equal(head.headers['content-length'], get.headers['content-length'])
    assert.equal(head.headers['content-type'], get.headers['content-type'])
  })

test('failure › after the answer has begun › the connection is cut, not mixed', async (t) => {
  const ask = await asking(t, (reply, req, res) => {
    res.writeHead(200, { 'Content-Length': '100' })
    res.write('half')
    reply.failure(req, res, new BrokerError('upstream_unreachable'))
  })
  await assert.rejects(ask())
})

test('failure › an upload that nobody read › ends the connection', async (t) => {
  const ask = await failing(t, 'body_too_large')
  const open = { connection: 'keep-alive' }
  const uploaded = await ask({ method: 'POST', headers: { ...open, 'content-length': '10' } })
  assert.equal((await ask({ headers: open })).headers['connection'], 'keep-alive')
  assert.equal(uploaded.headers['connection'], 'close')
})

test('json › a body of more bytes than characters › Content-Length counts bytes', async (t) => {
  const ask = await asking(t, (reply, req, res) => reply.json(req, res, 200, { name: 'Zoë 🗝' }))
  const { text, headers } = await ask()
  assert.deepEqual(JSON.parse(text), { name: 'Zoë 🗝' })
  assert.equal(headers['content-length'], String(Buffer.byteLength(text)))
})

test('redirect › any method › 303 without a body', async (t) => {
  const ask = await asking(t, (reply, ...args) => reply.redirect(...args))
  for (const method of ['GET', 'POST']) {
    const { status, headers, text } = await ask({ method })
    assert.deepEqual([status, headers['location'], text], [303, '/next', ''])
  }
})
