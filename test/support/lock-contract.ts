import type { Check, Pass } from './backend-contract.ts'
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { countOf, parallel, someId } from './backend-contract.ts'

const life = { idleSeconds: 60, absoluteSeconds: 600 }
const sealed = Buffer.from('sealed')

/** Locks with fencing numbers, the same on every store. */
export const lockContract = (check: Check, pass: Pass): void => {
  check('lock › free › held by one, then by the next with a larger fence', async (backend, id) => {
    const first = await backend.lock(id, 'refresh', 60_000)
    assert.ok(first !== undefined && Number.isSafeInteger(first))
    assert.equal(await backend.lock(id, 'refresh', 60_000), undefined)
    assert.notEqual(await backend.lock(id, 'other', 60_000), undefined)
    assert.notEqual(await backend.lock(someId(), 'refresh', 60_000), undefined)
    await backend.unlock(id, 'refresh', first)
    const second = await backend.lock(id, 'refresh', 60_000)
    assert.ok(second !== undefined && second > first)
  })
  check('unlock › by a former holder › the present one keeps it', async (backend, id) => {
    const first = await backend.lock(id, 'refresh', 150)
    assert.ok(first !== undefined)
    await pass(200)
    assert.notEqual(await backend.lock(id, 'refresh', 60_000), undefined)
    await backend.unlock(id, 'refresh', first)
    assert.equal(await backend.lock(id, 'refresh', 60_000), undefined)
  })
  check('lock › 50 at once › one holds it', async (backend, id) => {
    const fences = await parallel(() => backend.lock(id, 'refresh', 60_000))
    assert.equal(countOf(fences, undefined), 49)
  })
  check('extend › by the holder › the lock stands longer', async (backend, id) => {
    const fence = await backend.lock(id, 'refresh', 200)
    assert.ok(fence !== undefined)
    await pass(100)
    assert.equal(await backend.extend(id, 'refresh', fence, 60_000), true)
    await pass(200)
    assert.equal(await backend.lock(id, 'refresh', 60_000), undefined)
  })
  check('extend › ran out, nobody else had it › held again', async (backend, id) => {
    const fence = await backend.lock(id, 'refresh', 100)
    assert.ok(fence !== undefined)
    await pass(150)
    assert.equal(await backend.extend(id, 'refresh', fence, 60_000), true)
    assert.equal(await backend.lock(id, 'refresh', 60_000), undefined)
  })
  check('extend › after it was freed › false', async (backend, id) => {
    const fence = await backend.lock(id, 'refresh', 60_000)
    assert.ok(fence !== undefined)
    await backend.unlock(id, 'refresh', fence)
    assert.equal(await backend.extend(id, 'refresh', fence, 60_000), false)
  })
  check('extend › somebody has had it since › false, and theirs stays', async (backend, id) => {
    const first = await backend.lock(id, 'refresh', 100)
    assert.ok(first !== undefined)
    await pass(150)
    const second = await backend.lock(id, 'refresh', 60_000)
    assert.ok(second !== undefined)
    assert.equal(await backend.extend(id, 'refresh', first, 60_000), false)
    await backend.unlock(id, 'refresh', second)
    assert.equal(await backend.extend(id, 'refresh', first, 60_000), false)
    assert.notEqual(await backend.lock(id, 'refresh', 100), undefined)
  })
}

/** News of changes, the same on every store. */
export const changeContract = (check: Check): void => {
  check('onChange › created, updated, unlocked, ended › each is told', async (backend, id) => {
    const heard: string[] = []
    const stop = backend.onChange((changed) => heard.push(changed))
    await settled(() => heard.push('-'))
    heard.length = 0
    await backend.create(id, 'session', sealed, life)
    await backend.update(id, 'session', 1, sealed)
    const fence = await backend.lock(id, 'refresh', 1_000)
    await backend.unlock(id, 'refresh', fence ?? 0)
    await backend.end(id, 'session_revoked', 600)
    await until(() => heard.length >= 4)
    assert.deepEqual(heard, [id, id, id, id])
    stop()
    await backend.end(someId(), 'session_revoked', 600)
    await sleep(50)
    assert.equal(heard.length, 4)
  })
  check('onChange › nothing was written › nothing is told', async (backend, id) => {
    const heard: string[] = []
    await settled(() => backend.onChange((changed) => heard.push(changed)))
    heard.length = 0
    assert.equal(await backend.update(id, 'session', 1, sealed), 'gone')
    await backend.unlock(id, 'refresh', 1)
    await backend.read(id, 60)
    await sleep(50)
    assert.deepEqual(heard, [])
  })
}

/** A subscription takes a moment; what it says at its start is not news. */
const settled = async (start: () => unknown): Promise<void> => {
  start()
  await sleep(150)
}

const until = async (done: () => boolean): Promise<void> => {
  for (let times = 0; times < 200 && !done(); times += 1) await sleep(10)
}
