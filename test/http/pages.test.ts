import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemRandom } from '../../server/core/random.ts'
import { escapeHtml, linkButton, pagePolicy, renderPage } from '../../server/http/html.ts'
import { assignRequestId, requestIdOf } from '../../server/http/request-id.ts'
import { request } from './request.ts'

test('escapeHtml › the five characters › become entities; others stay', () => {
  assert.equal(escapeHtml(`<a href="x" title='y'>&amp;é</a>`), '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;é&lt;/a&gt;') // prettier-ignore
})

test('escapeHtml › any text › has nothing that opens or closes markup, and reads back as it was', () => {
  const entities: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' } // prettier-ignore
  fc.assert(
    fc.property(fc.string(), (text) => {
      const escaped = escapeHtml(text)
      assert.doesNotMatch(escaped, /[<>"']/)
      const back = escaped.replace(/&(?:lt|gt|quot|#39|amp);/g, (name) => entities[name] ?? '')
      assert.equal(back, text)
    }),
  )
})

const evil = `"><script>alert('x')</script>`
test('renderPage › title and refresh address from outside › stay text', () => {
  const page = renderPage({ title: evil, body: linkButton(evil, evil), refreshTo: `/a?b=1&c=${evil}` }) // prettier-ignore
  assert.doesNotMatch(page, /<script/)
  assert.match(page, /<meta http-equiv="refresh" content="0; url=\/a\?b=1&amp;c=&quot;&gt;/)
  assert.equal(page.match(/<h1>/g)?.length, 1)
})

test('renderPage › no refresh › does not move on', () => {
  assert.doesNotMatch(renderPage({ title: 'x', body: '' }), /http-equiv/)
})

test('pagePolicy › the one style of a page › is allowed by its hash, and nothing else inline', () => {
  const style = /<style>([\s\S]*)<\/style>/.exec(renderPage({ title: 'x', body: '' }))?.[1] ?? ''
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = pagePolicy([])
  assert.ok(policy.includes(`style-src 'sha256-${hash}'`))
  assert.doesNotMatch(policy, /unsafe-inline|script-src/)
})

test('pagePolicy › origins of providers › forms may lead there', () => {
  assert.match(pagePolicy(['https://id.test']), /form-action 'self' https:\/\/id\.test;/)
  assert.match(pagePolicy([]), /form-action 'self';/)
})

const kept = ['a'.repeat(20), 'a'.repeat(200), '7f2c1a60-93b4-4d0e-8d53-2f6f5f0a9c11', 'Root=1-67891233-abcdef012345678912345678'.replace('=', ':')] // prettier-ignore
for (const id of kept)
  test(`requestIdOf › X-Request-ID ${id.slice(0, 50)} of the router › is kept`, () => {
    const req = request({ 'x-request-id': id })
    assignRequestId(req, systemRandom)
    assert.equal(requestIdOf(req), id)
  })

const replaced = [undefined, '', 'short', 'a'.repeat(201), `${'a'.repeat(30)}\n`, `${'a'.repeat(30)} b`, `${'a'.repeat(30)}<b>`, `${'a'.repeat(30)}"`, `${'a'.repeat(30)}=b`, `${'a'.repeat(30)}é`] // prettier-ignore
for (const id of replaced)
  test(`requestIdOf › X-Request-ID ${JSON.stringify([id]).slice(1, 50)} › gives way to one of ours`, () => {
    const req = request({ 'x-request-id': id })
    assignRequestId(req, systemRandom)
    assert.match(requestIdOf(req), /^[0-9a-f]{32}$/)
  })

test('requestIdOf › assigned twice › keeps the first; two requests differ; none is said so', () => {
  const [one, two] = [request(), request()]
  assignRequestId(one, systemRandom)
  const first = requestIdOf(one)
  assignRequestId(one, systemRandom)
  assignRequestId(two, systemRandom)
  assert.equal(requestIdOf(one), first)
  assert.notEqual(requestIdOf(two), first)
  assert.equal(requestIdOf(request()), 'unassigned')
})
