import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../server/core/errors.ts'
import type { TokenSet } from '../../server/core/token-set.ts'
import type { Stock } from '../../server/core/token-supply.ts'
import { tokenSupply } from '../../server/core/token-supply.ts'
import { capturedLog } from '../support/captured-log.ts'
import { testClock } from '../support/world.ts'

const lifeSeconds = 300
const aheadSeconds = 30

const away = () => new BrokerError('idp_unavailable', { retryAfterSeconds: 5 })
const ended = () => new BrokerError('session_expired')

type Given = {
  /** Undefined: nothing is at hand. */
  readonly leftSeconds?: number
  readonly mayRenew?: boolean
  readonly forced?: boolean
  readonly renew?: Stock['renew']
}

const startSupply = ({ leftSeconds, mayRenew = true, forced, renew }: Given) => {
  const clock = testClock()
  const { log, text } = capturedLog()
  const asked: (string | undefined)[] = []
  const setOf = (accessToken: string, left: number): TokenSet => ({
    accessToken,
    tokenType: 'Bearer',
    obtainedAtMs: clock.nowMs() - (lifeSeconds - left) * 1_000,
    expiresAtMs: clock.nowMs() + left * 1_000,
    ...(forced === true && { forced }),
  })
  const supply = tokenSupply({ clock, log, waitMs: 50, grant: 'refresh_token' })
  const stock: Stock = {
    set: leftSeconds === undefined ? undefined : setOf('old', leftSeconds),
    aheadSeconds,
    mayRenew,
    renew: (rejected) => {
      asked.push(rejected)
      return renew === undefined ? Promise.resolve(setOf('new', lifeSeconds)) : renew(rejected)
    },
  }
  return { supply, stock, asked, text }
}

const rows: readonly (readonly [string, Given, 'old' | 'new', 'old' | 'new', number, number])[] = [
  ['nothing at hand', {}, 'new', 'new', 1, 1],
  ['a fresh token', { leftSeconds: 200 }, 'old', 'old', 0, 0],
  ['one near its end', { leftSeconds: 20 }, 'old', 'new', 1, 1],
  ['one near its end, renewal in doubt', { leftSeconds: 20, mayRenew: false }, 'old', 'old', 0, 0],
  ['one that is over', { leftSeconds: 0 }, 'new', 'new', 1, 1],
  ['one that is over, in doubt', { leftSeconds: 0, mayRenew: false }, 'new', 'new', 1, 1],
]
for (const [what, given, fresh, renewed, freshAsks, renewedAsks] of rows)
  test(`tokenSupply › ${what} › fresh gives the ${fresh} one, renewed the ${renewed} one`, async () => {
    const first = startSupply(given)
    assert.equal((await first.supply.fresh(first.stock)).accessToken, fresh)
    assert.equal(first.asked.length, freshAsks)
    const second = startSupply(given)
    assert.equal((await second.supply.renewed(second.stock)).accessToken, renewed)
    assert.equal(second.asked.length, renewedAsks)
  })

test('tokenSupply › the provider is away, a token near its end › it serves on, and the log says so', async () => {
  const { supply, stock, text } = startSupply({ leftSeconds: 20, renew: () => Promise.reject(away()) }) // prettier-ignore
  assert.equal((await supply.fresh(stock)).accessToken, 'old')
  assert.equal((await supply.renewed(stock)).accessToken, 'old')
  assert.match(text(), /not renewed ahead of time/)
})

test('tokenSupply › the session turns out to be over › renewed and instead say so', async () => {
  const { supply, stock } = startSupply({ leftSeconds: 20, renew: () => Promise.reject(ended()) })
  await assert.rejects(supply.renewed(stock), { code: 'session_expired' })
  await assert.rejects(supply.instead(stock, 'old'), { code: 'session_expired' })
})

test('tokenSupply › a grant that does not end › whoever waits is let go with Retry-After', async () => {
  const { supply, stock } = startSupply({ renew: () => new Promise(() => undefined) })
  await assert.rejects(supply.fresh(stock), {
    code: 'idp_unavailable',
    info: { retryAfterSeconds: 2 },
  })
})

const rejections: readonly (readonly [string, Given, string, string | undefined, number])[] = [
  ['the one at hand', { leftSeconds: 200 }, 'old', 'new', 1],
  ['none at hand', {}, 'old', 'new', 1],
  ['the one that was just got for it', { leftSeconds: 299, forced: true }, 'old', undefined, 0],
  ['one before the one just got', { leftSeconds: 299, forced: true }, 'older', 'old', 0],
  ['one got for another long ago', { leftSeconds: 200, forced: true }, 'old', 'new', 1],
  ['in doubt', { leftSeconds: 200, mayRenew: false }, 'old', undefined, 0],
  ['a provider away', { leftSeconds: 200, renew: () => Promise.reject(away()) }, 'old', undefined, 1],
  [
    'a provider that refuses',
    { leftSeconds: 200, renew: () => Promise.reject(new BrokerError('token_refused')) },
    'old',
    undefined,
    1,
  ],
] // prettier-ignore
for (const [what, given, rejected, got, asks] of rejections)
  test(`tokenSupply › an API calls a token invalid: ${what} › ${got ?? 'none'} instead`, async () => {
    const { supply, stock, asked } = startSupply(given)
    assert.equal((await supply.instead(stock, rejected))?.accessToken, got)
    assert.deepEqual(
      asked,
      Array.from({ length: asks }, () => rejected),
    )
  })
