import type { SealedLogin } from '../../server/session/backend.ts'
import type { Check, Pass } from './backend-contract.ts'
import assert from 'node:assert/strict'
import { countOf, parallel } from './backend-contract.ts'

const login = (name: string, change: Partial<SealedLogin> = {}): SealedLogin => ({
  pending: Buffer.from(`pending ${name}\0\r\n\xff`, 'latin1'),
  return: Buffer.from(`return ${name}`),
  ttlMs: 60_000,
  cap: 20,
  ...change,
})

const nothing = { pending: undefined, return: undefined }

/** Login transactions and one-time values, the same on every store. */
export const loginContract = (check: Check, pass: Pass): void => {
  takeContract(check, pass)
  capContract(check, pass)
  valueContract(check, pass)
}

const takeContract = (check: Check, pass: Pass): void => {
  check('takeLogin › first › both parts; then › the return part alone', async (backend, owner) => {
    await backend.putLogin(owner, 'state', login('a'))
    const { pending, return: back } = login('a')
    assert.deepEqual(await backend.takeLogin(owner, 'state'), { pending, return: back })
    for (let times = 0; times < 3; times += 1)
      assert.deepEqual(await backend.takeLogin(owner, 'state'), { ...nothing, return: back })
  })
  check('takeLogin › 50 at once › one gets the pending part', async (backend, owner) => {
    await backend.putLogin(owner, 'state', login('a'))
    const taken = await parallel(() => backend.takeLogin(owner, 'state'))
    assert.equal(taken.filter(({ pending }) => pending !== undefined).length, 1)
    assert.equal(taken.filter((each) => each.return === undefined).length, 0)
  })
  check('takeLogin › a foreign owner or state › consumes nothing', async (backend, owner) => {
    await backend.putLogin(owner, 'state', login('a'))
    for (const [foreigner, state] of [
      [`${owner}x`, 'state'],
      [owner, 'other'],
      [owner, ''],
      [`${owner}:state`, ''],
      ['', 'state'],
      [owner, 'st\0ate\r\n{x}'],
    ] as const)
      // prettier-ignore
      assert.deepEqual(await backend.takeLogin(foreigner, state), nothing)
    assert.notEqual((await backend.takeLogin(owner, 'state')).pending, undefined)
  })
  check('takeLogin › after the TTL › nothing', async (backend, owner) => {
    await backend.putLogin(owner, 'state', login('a', { ttlMs: 150 }))
    await pass(200)
    assert.deepEqual(await backend.takeLogin(owner, 'state'), nothing)
  })
  check('takeLogin › taken › the return part outlives the TTL', async (backend, owner) => {
    await backend.putLogin(owner, 'state', login('a', { ttlMs: 200 }))
    await backend.takeLogin(owner, 'state')
    await pass(250)
    assert.deepEqual(await backend.takeLogin(owner, 'state'), {
      ...nothing,
      return: login('a').return,
    })
  })
}

const capContract = (check: Check, pass: Pass): void => {
  check('putLogin › above the cap › the oldest are dropped', async (backend, owner) => {
    await backend.putLogin('someone else', 'state 0', login('e'))
    for (let n = 0; n < 23; n += 1) await backend.putLogin(owner, `state ${n}`, login(String(n)))
    for (let n = 0; n < 3; n += 1)
      assert.deepEqual(await backend.takeLogin(owner, `state ${n}`), nothing)
    for (let n = 3; n < 23; n += 1)
      assert.deepEqual(
        (await backend.takeLogin(owner, `state ${n}`)).pending,
        login(String(n)).pending,
      )
    assert.notEqual((await backend.takeLogin('someone else', 'state 0')).pending, undefined)
  })
  check('putLogin › some were taken or ended › only waiting ones count', async (backend, owner) => {
    await backend.putLogin(owner, 'ends', login('ends', { ttlMs: 100, cap: 2 }))
    await pass(150)
    await backend.putLogin(owner, 'first', login('first', { cap: 2, ttlMs: 2_000 }))
    await backend.putLogin(owner, 'taken', login('taken', { cap: 2, ttlMs: 2_000 }))
    await backend.takeLogin(owner, 'taken')
    await backend.putLogin(owner, 'last', login('last', { cap: 2, ttlMs: 2_000 }))
    assert.notEqual((await backend.takeLogin(owner, 'first')).pending, undefined)
    assert.notEqual((await backend.takeLogin(owner, 'last')).pending, undefined)
    assert.notEqual((await backend.takeLogin(owner, 'taken')).return, undefined)
  })
  check('putLogin › the same state again › replaced, counted once', async (backend, owner) => {
    await backend.putLogin(owner, 'kept', login('kept', { cap: 2 }))
    await backend.putLogin(owner, 'state', login('a', { cap: 2 }))
    await backend.putLogin(owner, 'state', login('b', { cap: 2 }))
    assert.deepEqual((await backend.takeLogin(owner, 'state')).pending, login('b').pending)
    assert.notEqual((await backend.takeLogin(owner, 'kept')).pending, undefined)
  })
}

const valueContract = (check: Check, pass: Pass): void => {
  check('take › put before › once', async (backend, key) => {
    const value = Buffer.from([...Array(256).keys()])
    await backend.put(key, Buffer.from('replaced'), 60_000)
    await backend.put(key, value, 60_000)
    assert.equal(await backend.take(`${key}x`), undefined)
    assert.deepEqual(await backend.take(key), value)
    assert.equal(await backend.take(key), undefined)
  })
  check('peek › any number of times › there, until it is taken or ends', async (backend, key) => {
    const value = Buffer.from([...Array(256).keys()])
    assert.equal(await backend.peek(key), undefined)
    await backend.put(key, value, 60_000)
    for (let looks = 0; looks < 3; looks += 1) assert.deepEqual(await backend.peek(key), value)
    assert.deepEqual(await backend.take(key), value)
    assert.equal(await backend.peek(key), undefined)
    await backend.put(key, value, 100)
    await pass(150)
    assert.equal(await backend.peek(key), undefined)
  })
  check('take › 50 at once › one gets it', async (backend, key) => {
    await backend.put(key, Buffer.from('value'), 60_000)
    const taken = await parallel(() => backend.take(key))
    assert.equal(countOf(taken, undefined), 49)
  })
  check('take › after the TTL › nothing', async (backend, key) => {
    await backend.put(key, Buffer.from('value'), 100)
    await pass(150)
    assert.equal(await backend.take(key), undefined)
  })
  check('ping › the store is up › resolves', async (backend) => {
    await backend.ping()
  })
}
