import type { TestContext } from 'node:test'
import type { RecordId } from '../../server/core/ids.ts'
import type { Backend } from '../../server/session/backend.ts'
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { asRecordId } from '../../server/core/ids.ts'
import { changeContract, lockContract } from './lock-contract.ts'
import { listContract } from './list-contract.ts'
import { loginContract } from './login-contract.ts'
import { readAgainContract } from './read-again-contract.ts'

export type BackendMaker = {
  readonly make: (t: TestContext) => Promise<Backend> | Backend
  /** Lets the store's time pass; without it real time passes. */
  readonly advance?: (ms: number) => Promise<void> | void
  readonly skip?: string | false
}

export const someId = (): RecordId => asRecordId(randomBytes(32).toString('base64url'))

const life = { idleSeconds: 60, absoluteSeconds: 600 }
const short = { idleSeconds: 0.4, absoluteSeconds: 60 }
/** What a text encoding or a line protocol would break. */
const binary = Buffer.concat([Buffer.from('1:2:\r\n\0'), Buffer.from([...Array(256).keys()])])

/** The behaviour of every store, as one suite. */
export const backendContract = (name: string, maker: BackendMaker): void => {
  const pass = maker.advance ?? ((ms: number) => sleep(ms))
  const { skip = false } = maker
  const check: Check = (title, run) => {
    test(title, async (t) => {
      await run(await maker.make(t), someId())
    })
  }
  describe(`${name} backend`, { skip }, () => {
    recordContract(check)
    lifeContract(check, pass)
    readAgainContract(check)
    endContract(check)
    lockContract(check, pass)
    changeContract(check)
    listContract(check, pass)
    loginContract(check, pass)
  })
}

export type Check = (title: string, run: (backend: Backend, id: RecordId) => Promise<void>) => void
export type Pass = (ms: number) => Promise<void> | void

/** The session under an id, which must be live. */
const live = async (backend: Backend, id: RecordId, slideIdleSeconds?: number) => {
  const found = await backend.read(id, slideIdleSeconds)
  assert.equal(found.kind, 'live')
  return found
}

export const countOf = <T>(items: readonly T[], wanted: T): number =>
  items.filter((item) => item === wanted).length

export const parallel = <T>(run: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 50 }, (_, n) => run(n)))

const recordContract = (check: Check): void => {
  check('read › nothing stands › missing', async (backend, id) => {
    assert.deepEqual(await backend.read(id, 60), { kind: 'missing' })
  })
  check('create › nothing stands › version 1 is read back, byte for byte', async (backend, id) => {
    assert.equal(await backend.create(id, 'vault', Buffer.alloc(0), life), 'created')
    assert.equal(await backend.create(id, 'session', binary, life), 'created')
    const found = await live(backend, id)
    assert.deepEqual(found.session, { version: 1, sealed: binary })
    assert.deepEqual(found.vault, { version: 1, sealed: Buffer.alloc(0) })
    assert.ok(found.idleLeftMs > 55_000 && found.idleLeftMs <= 60_000, `${found.idleLeftMs}`)
    assert.ok(found.absoluteLeftMs > 595_000 && found.absoluteLeftMs <= 600_000)
  })
  check('create › a record stands › exists, and the first stays', async (backend, id) => {
    await backend.create(id, 'session', Buffer.from('first'), life)
    assert.equal(await backend.create(id, 'session', Buffer.from('second'), life), 'exists')
    assert.equal((await live(backend, id)).session.sealed.toString(), 'first')
  })
  check('create › 50 at once › one is created', async (backend, id) => {
    const outcomes = await parallel((n) => backend.create(id, 'session', Buffer.from([n]), life))
    assert.equal(countOf(outcomes, 'created'), 1)
    assert.equal(countOf(outcomes, 'exists'), 49)
    const winner = outcomes.indexOf('created')
    assert.deepEqual((await live(backend, id)).session.sealed, Buffer.from([winner]))
  })
  check('read › no session but a vault › missing', async (backend, id) => {
    await backend.create(id, 'vault', binary, life)
    assert.deepEqual(await backend.read(id), { kind: 'missing' })
  })
  check('read › no vault › live without one', async (backend, id) => {
    await backend.create(id, 'session', binary, life)
    assert.equal((await live(backend, id)).vault, undefined)
  })
  check('update › the expected version › the next one, deadlines kept', async (backend, id) => {
    await backend.create(id, 'vault', Buffer.from('old'), life)
    await backend.create(id, 'session', binary, life)
    assert.equal(await backend.update(id, 'vault', 1, binary), 'updated')
    assert.equal(await backend.update(id, 'session', 1, Buffer.from('new')), 'updated')
    const found = await live(backend, id)
    assert.deepEqual(found.vault, { version: 2, sealed: binary })
    assert.deepEqual(found.session, { version: 2, sealed: Buffer.from('new') })
    assert.ok(found.idleLeftMs > 55_000 && found.idleLeftMs <= 60_000)
    assert.ok(found.absoluteLeftMs > 595_000 && found.absoluteLeftMs <= 600_000)
  })
  check('update › another version › conflict, nothing changed', async (backend, id) => {
    await backend.create(id, 'session', binary, life)
    for (const version of [0, 2, 10])
      assert.equal(await backend.update(id, 'session', version, Buffer.from('x')), 'conflict')
    assert.deepEqual((await live(backend, id)).session, { version: 1, sealed: binary })
  })
  check('update › nothing stands › gone, nothing created', async (backend, id) => {
    assert.equal(await backend.update(id, 'session', 1, binary), 'gone')
    assert.equal(await backend.update(id, 'session', 0, binary), 'gone')
    assert.deepEqual(await backend.read(id), { kind: 'missing' })
  })
  check('update › 50 at once from one version › one wins', async (backend, id) => {
    await backend.create(id, 'listing', binary, life)
    const outcomes = await parallel((n) => backend.update(id, 'listing', 1, Buffer.from([n])))
    assert.equal(countOf(outcomes, 'updated'), 1)
    assert.equal(countOf(outcomes, 'conflict'), 49)
  })
}

const lifeContract = (check: Check, pass: Pass): void => {
  check('read › without slide › the idle deadline comes', async (backend, id) => {
    await backend.create(id, 'session', binary, short)
    await pass(250)
    assert.ok((await live(backend, id)).idleLeftMs <= 200)
    await pass(250)
    assert.deepEqual(await backend.read(id, 60), { kind: 'missing' })
  })
  check('read › slide before a tenth has passed › nothing moves', async (backend, id) => {
    await backend.create(id, 'session', binary, { idleSeconds: 60, absoluteSeconds: 600 })
    await pass(60)
    const before = await live(backend, id)
    const after = await live(backend, id, 60)
    assert.ok(after.idleLeftMs <= before.idleLeftMs)
  })
  check('read › slide › all three records live on', async (backend, id) => {
    for (const kind of ['listing', 'vault', 'session'] as const)
      await backend.create(id, kind, binary, short)
    for (let times = 0; times < 3; times += 1) {
      await pass(200)
      const { idleLeftMs } = await live(backend, id, short.idleSeconds)
      assert.ok(idleLeftMs > 300 && idleLeftMs <= 400, `${idleLeftMs}`)
    }
    assert.notEqual((await live(backend, id)).vault, undefined)
    assert.equal(await backend.update(id, 'listing', 1, binary), 'updated')
  })
  check('read › slide near the end › never past the absolute deadline', async (backend, id) => {
    await backend.create(id, 'session', binary, { idleSeconds: 0.3, absoluteSeconds: 0.5 })
    await pass(250)
    const found = await live(backend, id, 0.3)
    assert.ok(found.idleLeftMs <= found.absoluteLeftMs && found.absoluteLeftMs <= 250)
    await pass(300)
    assert.deepEqual(await backend.read(id, 0.3), { kind: 'missing' })
  })
  check('create › idle above absolute › absolute counts', async (backend, id) => {
    await backend.create(id, 'session', binary, { idleSeconds: 60, absoluteSeconds: 0.2 })
    assert.ok((await live(backend, id, 60)).idleLeftMs <= 200)
    await pass(250)
    assert.deepEqual(await backend.read(id, 60), { kind: 'missing' })
  })
  check('update › within the life › the idle deadline stays', async (backend, id) => {
    await backend.create(id, 'session', binary, short)
    await pass(200)
    assert.equal(await backend.update(id, 'session', 1, binary), 'updated')
    assert.ok((await live(backend, id)).idleLeftMs <= 250)
    await pass(300)
    assert.equal(await backend.update(id, 'session', 2, binary), 'gone')
  })
}

const endContract = (check: Check): void => {
  check('end › a login stands › all records gone, for good', async (backend, id) => {
    for (const kind of ['listing', 'vault', 'session'] as const)
      await backend.create(id, kind, binary, life)
    await backend.end(id, 'session_expired', 600)
    assert.deepEqual(await backend.read(id, 60), { kind: 'ended', reason: 'session_expired' })
    for (const kind of ['listing', 'vault', 'session'] as const) {
      assert.equal(await backend.update(id, kind, 1, binary), 'gone')
      assert.equal(await backend.create(id, kind, binary, life), 'ended')
    }
    assert.deepEqual(await backend.read(id, 60), { kind: 'ended', reason: 'session_expired' })
  })
  check('end › a vault stands › it is given back as it was, once', async (backend, id) => {
    await backend.create(id, 'vault', Buffer.from('first'), life)
    await backend.update(id, 'vault', 1, binary)
    const vault = await backend.end(id, 'session_revoked', 600)
    assert.deepEqual(vault, { version: 2, sealed: binary })
    assert.equal(await backend.end(id, 'session_revoked', 600), undefined)
  })
  check('end › nothing stands › a tombstone all the same', async (backend, id) => {
    await backend.end(id, 'session_revoked', 600)
    assert.deepEqual(await backend.read(id), { kind: 'ended', reason: 'session_revoked' })
    assert.equal(await backend.create(id, 'session', binary, life), 'ended')
  })
  check('end › twice › the first reason stands', async (backend, id) => {
    await backend.end(id, 'session_revoked', 600)
    await backend.end(id, 'session_expired', 600)
    assert.deepEqual(await backend.read(id), { kind: 'ended', reason: 'session_revoked' })
  })
  check('end › among 50 updates › nothing comes back', async (backend, id) => {
    await backend.create(id, 'session', binary, life)
    await parallel(async (n) => {
      if (n === 25) await backend.end(id, 'session_revoked', 600)
      await backend.update(id, 'session', 1, binary)
      await backend.create(id, 'vault', binary, life)
    })
    assert.deepEqual(await backend.read(id, 60), { kind: 'ended', reason: 'session_revoked' })
  })
}
