import type { Clock } from '../core/clock.ts'
import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'

export type Order = {
  readonly id: number
  readonly item: string
  readonly quantity: number
  readonly by: string
  readonly at: string
}

export type OrderRequest = Pick<Order, 'item' | 'quantity'>

const longestItem = 80
const largestQuantity = 999
const maxOrders = 50

/** A wish for an order, or which field is wrong and what it takes. */
export const parseOrderRequest = (input: unknown): Result<OrderRequest, string> => {
  if (typeof input !== 'object' || input === null) return err('Send a JSON object.')
  const { item, quantity } = input as { item?: unknown; quantity?: unknown }
  const text = typeof item === 'string' ? item.trim() : ''
  if (text === '' || text.length > longestItem)
    return err(`item: a text of 1 to ${longestItem} characters.`)
  if (typeof quantity !== 'number' || !Number.isInteger(quantity))
    return err('quantity: a whole number.')
  if (quantity < 1 || quantity > largestQuantity)
    return err(`quantity: from 1 to ${largestQuantity}.`)
  return ok({ item: text, quantity })
}

/** Orders in memory, newest first; the oldest go when there are too many. */
export const orderBook = (clock: Clock) => {
  const orders: Order[] = []
  let lastId = 1_000

  const add = (request: OrderRequest, by: string): Order => {
    lastId += 1
    const order = { id: lastId, ...request, by, at: new Date(clock.nowMs()).toISOString() }
    orders.unshift(order)
    orders.splice(maxOrders)
    return order
  }

  add({ item: 'Brass key blanks', quantity: 40 }, 'Robin Root')
  add({ item: 'Door latch, oak', quantity: 3 }, 'Alice Archer')
  return { add, all: (): readonly Order[] => orders }
}
