import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRequestTarget } from '../../server/http/request-target.ts'

const host = 'app.test'
const parse = (raw: string) => parseRequestTarget(raw, host)

const accepted = ['/', '/api', '/api/', '/api/orders/17', '/a.b', '/a..b', '/...', '/.well-known/x', '/~me', "/a!$&'()*+,=:@", '/caf%C3%A9', '/a%20b', '/a%3Fb', '/a%25', '/a%25zz', '/50%25-off', '/a%7Cb', '/a|b', '/a[b]', '/a%40b'] // prettier-ignore
for (const path of accepted)
  test(`parseRequestTarget › ${path} › goes on byte for byte`, () => {
    assert.deepEqual(parse(path), { ok: true, value: { path, query: '' } })
  })

for (const query of ['?', '?a=1', '?next=//evil.test', '?a=/../b', '?a=%2e%2e%2f;', '??', '?a=\\'])
  test(`parseRequestTarget › a query ${query} › is not looked into`, () => {
    assert.deepEqual(parse(`/a${query}`), { ok: true, value: { path: '/a', query } })
  })

const refused = [
  // R1: another host.
  '//evil.test/api/x', '/api//evil.test', '/\\evil.test/api', '/api/\\evil.test', '///', '/a//',
  // R3: another path.
  '/api/../admin', '/api/..', '/..', '/.', '/api/.', '/api/./x', '/api/%2e%2e/admin', '/api/%2E./', '/api/.%2e', '/api/%2e', '/api/\\..\\', '/api/a%09/../..', '/api/..%2fadmin', '/api/..%2Fadmin', '/api/..%5cadmin', '/api/..%5Cadmin', '/api/..;/admin', '/api/x;a=1', '/api/x%3ba', '/api/%252e%252e/', '/api/%252fadmin', '/api/%25252e', '/api/%252525',
  // Two spellings of one path.
  '/%61pi', '/%41pi', '/api%2dx', '/api%5fx', '/api%7ex', '/api/%31', '/api%2Fx',
  // No text at all.
  '/api/%', '/api/%2', '/api/%zz', '/api/%ff', '/api/%c0%ae', '/api/%ed%a0%80', '/api/%00', '/api/%0d%0ax', '/api/%7f', '/api/\u0000', '/api/\t', '/api/ x', '/api/ü', '/api/\u007f', '/api/"x"', '/api/<x>', '/api/^', '/api/`', '/api/{x}', '/api#x', '/api?x#y',
  '', '*', 'api', 'app.test:443', 'http:api', 'https:/app.test/x', `http://${host}/api/x`, `HTTPS://APP.test/api`,
] // prettier-ignore
for (const raw of refused)
  test(`parseRequestTarget › R1 R3 ${JSON.stringify(raw)} › is not canonical`, () => {
    const parsed = parse(raw)
    assert.ok(!parsed.ok && parsed.reason.kind === 'not_canonical')
    assert.match(parsed.reason.detail, /^The .*\.$/)
  })

const foreign = ['http://evil.test/api/x', 'http://169.254.169.254/', 'https://evil.test', `http://${host}:81/x`, `http://${host}@evil.test/x`, `http://evil.test\\@${host}/x`, 'file:///etc/passwd'] // prettier-ignore
for (const raw of foreign)
  test(`parseRequestTarget › R2 ${raw} › names a foreign host`, () => {
    assert.deepEqual(parse(raw), { ok: false, reason: { kind: 'foreign_authority' } })
  })

const piece = fc.constantFrom('/', '//', '.', '..', '%2e', '%2F', '%5c', '\\', ';', '%3b', '%25', '25', '2e', '2f', '%', '%00', '%20', '%C3%A9', 'a', 'api', '~', ':', '@', '"', '^', '|', '{', '<', ' ', '\t', 'é') // prettier-ignore
const hostile = fc
  .array(piece, { maxLength: 10 })
  .map((pieces) => `/${pieces.join('')}`)
  .filter((path) => !/[?#]/.test(path))
const anything = fc.string().map((text) => `/${text}`)

test('parseRequestTarget › R3 any path that is accepted › every URL parser reads the same one, and so does a service after one more decoding', () => {
  let seen = 0
  fc.assert(
    fc.property(fc.oneof(hostile, anything), (raw) => {
      const parsed = parse(raw)
      if (!parsed.ok) return
      seen += 1
      const { path, query } = parsed.value
      assert.equal(path + query, raw)
      const url = new URL(raw, 'https://app.test')
      assert.deepEqual([url.origin, url.pathname], ['https://app.test', path])
      const decoded = decodeURIComponent(path)
      assert.equal(decoded.split('/').length, path.split('/').length)
      assert.doesNotMatch(decoded, /[\\;\u0000-\u001f\u007f]|\/\/|\/\.{1,2}(?:\/|$)|%[0-9a-f]{2}/i)
    }),
    { numRuns: 20_000 },
  )
  assert.ok(seen > 500, `only ${seen} paths were accepted`)
})
