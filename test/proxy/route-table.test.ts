import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { upstreamPath } from '../../server/proxy/forward.ts'
import { routeTable } from '../../server/proxy/route-table.ts'
import { route } from '../support/world.ts'

const find = (paths: readonly string[]) => {
  const table = routeTable(paths.map((path) => route(path, 'http://127.0.0.1:1')))
  return (path: string) => table(path)?.path
}

const routed: readonly (readonly [path: string, expected: string | undefined])[] = [
  ['/api', '/api'],
  ['/api/', '/api'],
  ['/api/x/y', '/api'],
  ['/apix', undefined],
  ['/ap', undefined],
  ['/', undefined],
  ['/API', undefined],
  ['/api/orders', '/api/orders'],
  ['/api/orders/', '/api/orders'],
  ['/api/orders-new', '/api'],
  ['/api/orders/1/items', '/api/orders/1/items'],
  ['/api/orders/1/item', '/api/orders'],
  ['/api/Products', '/api'],
  ['/api/orders/A7', '/api/orders'],
  ['/api/ORDERS', undefined],
  ['/api/Orders/7', undefined],
  ['/api/orders/1/ITEMS', undefined],
  ['/api/orders.', undefined],
  ['/api/orders%20/7', undefined],
  ['/api/Orders.%20./7', undefined],
  ['/api/orders/1./items', undefined],
  ['/api/orders/1/items..', undefined],
  ['/api/orders%3fx', undefined],
  ['/api/orders%3F/x', undefined],
  ['/api/orders%20%23', undefined],
  ['/api/orders/1/items%23/7', undefined],
  ['/api/orders/what%3F', '/api/orders'],
  ['/api/orders/1.', '/api/orders'],
  ['/api/orders/v1.2', '/api/orders'],
  ['/api/orders.json', '/api'],
  ['/api/products./x%20', '/api'],
]

for (const [path, expected] of routed)
  test(`routeTable › ${path} › ${expected ?? 'no route'}`, () => {
    assert.equal(find(['/api', '/api/orders', '/api/orders/1/items'])(path), expected)
  })

test('routeTable › a route at / › takes what no other does', () => {
  const at = find(['/', '/api'])
  assert.equal(at('/api/x'), '/api')
  for (const path of ['/', '/x', '/apix']) assert.equal(at(path), '/')
})

test('routeTable › routes that differ in case alone › each has its own', () => {
  const at = find(['/api', '/api/Orders', '/api/orders'])
  assert.equal(at('/api/Orders/1'), '/api/Orders')
  assert.equal(at('/api/orders/1'), '/api/orders')
  assert.equal(at('/api/ORDERS/1'), undefined)
})

for (const path of ['/api/orders', '/nowhere', '/api/A'])
  test(`routeTable › ${path} and 8,000 more segments › is looked up no more often than the longest route is long`, (t) => {
    const at = find(['/api', '/api/orders', '/api/orders/1/items'])
    const { mock } = t.mock.method(Map.prototype, 'get')
    at(`${path}${'/a'.repeat(8_000)}`)
    assert.ok(mock.callCount() <= 20, String(mock.callCount()))
  }) // prettier-ignore

test('routeTable › any routes and any path › the longest prefix by whole segments', () => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 4 })
    .map((segments) => `/${segments.join('/')}`)
  fc.assert(
    fc.property(fc.uniqueArray(path, { maxLength: 8 }), path, (paths, asked) => {
      const fitting = paths.filter((prefix) => `${asked}/`.startsWith(`${prefix}/`))
      const longest = fitting.sort((one, other) => other.length - one.length)[0]
      assert.equal(find(paths)(asked), longest)
    }),
  )
})

const stripped: readonly (readonly [path: string, prefix: string, expected: string])[] = [
  ['/api/x', '', '/api/x'],
  ['/api/x', '/api', '/x'],
  ['/api', '/api', '/'],
  ['/api/', '/api', '/'],
  ['/api/orders/1', '/api/orders', '/1'],
  ['/', '', '/'],
]

for (const [path, prefix, expected] of stripped)
  test(`upstreamPath › ${path} without "${prefix}" › ${expected}`, () => {
    assert.equal(upstreamPath(path, prefix), expected)
  })
