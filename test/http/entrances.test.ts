import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { doorTo, entrances } from '../../server/http/entrances.ts'

const origin = 'https://app.test'

test('entrances › prefixes and any path › the one that is its beginning by whole segments, else the root', () => {
  const segment = fc.constantFrom('t', 'a', 'b', 'ab', 'x')
  const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`)
  fc.assert(
    fc.property(fc.uniqueArray(path, { minLength: 1, maxLength: 4 }), path, (all, asked) => {
      // The settings let none lie in another.
      const bases = all.filter((one) => !all.some((other) => other !== one && `${one}/`.startsWith(`${other}/`))) // prettier-ignore
      const { shared } = entrances(['', ...bases].map((base) => doorTo({ origin, base })), origin)
      const expected = bases.find((base) => `${asked}/`.startsWith(`${base}/`)) ?? ''
      assert.equal(shared.under(asked).base, expected)
    }),
  )
}) // prettier-ignore

test('entrances › several hosts › each leads to its own, by one name or with the default port', () => {
  const hosts = ['app.test', 'acme.test', 'xn--mnchen-3ya.test']
  const { at } = entrances(hosts.map((host) => doorTo({ origin: `https://${host}`, base: '' })), origin)
  for (const host of hosts)
    for (const spelling of [host, host.toUpperCase(), `${host}:443`])
      assert.equal(at(spelling)?.under('/').origin, `https://${host}`)
  for (const foreign of ['acme.test.', 'acme.test:80', 'münchen.test', '__proto__', ''])
    assert.equal(at(foreign), undefined, foreign)
}) // prettier-ignore

test('entrances › an origin where nobody is › is a mistake of ours', () => {
  assert.throws(
    () => entrances([doorTo({ origin: 'https://acme.test', base: '' })], origin),
    RangeError,
  )
  assert.throws(() => entrances([doorTo({ origin, base: '/t/acme' })], origin), RangeError)
})
