import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldBack } from '../../server/reload/held-back.ts'

const setUp = () => {
  const listeners: (() => void)[] = []
  const done: string[] = []
  const orders = heldBack((onOrder) => void listeners.push(onOrder))
  return { orders, done, give: () => listeners.forEach((listener) => listener()), listeners }
}

test('heldBack › made › listens at once, so that no order ends the process', () => {
  assert.equal(setUp().listeners.length, 1)
})

test('heldBack › orders before anybody can carry them out › once, as soon as somebody can', () => {
  const { orders, done, give } = setUp()
  give()
  give()
  assert.equal(done.length, 0)
  orders.by(() => void done.push('reload'))
  assert.deepEqual(done, ['reload'])
})

test('heldBack › orders after that › each', () => {
  const { orders, done, give } = setUp()
  orders.by(() => void done.push('reload'))
  assert.equal(done.length, 0)
  give()
  give()
  assert.deepEqual(done, ['reload', 'reload'])
})
