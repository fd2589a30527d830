import type { Check, Pass } from './backend-contract.ts'
import assert from 'node:assert/strict'
import { countOf, parallel, someId } from './backend-contract.ts'

const life = { idleSeconds: 60, absoluteSeconds: 600 }

/** Lists, marks and once-only keys, the same on every store. */
export const listContract = (check: Check, pass: Pass): void => {
  check('listed › nothing was added › empty', async (backend, name) => {
    assert.deepEqual(await backend.listed(name), [])
  })
  check('addToList › several, one twice › each once', async (backend, name) => {
    const ids = [someId(), someId(), someId()]
    for (const id of [...ids, ...ids.slice(0, 1)]) await backend.addToList(name, id, 60_000)
    assert.deepEqual((await backend.listed(name)).toSorted(), ids.toSorted())
    assert.deepEqual(await backend.listed(`${name}x`), [])
  })
  check('addToList › what has ended › is taken off; the others stay', async (backend, name) => {
    const [short, long, last] = [someId(), someId(), someId()]
    await backend.addToList(name, long, 60_000)
    await backend.addToList(name, short, 100)
    await pass(150)
    await backend.addToList(name, last, 60_000)
    assert.deepEqual((await backend.listed(name)).toSorted(), [long, last].toSorted())
  })
  check('raiseMark › lower and higher › the highest stands', async (backend, name) => {
    assert.equal(await backend.markOf(name), undefined)
    for (const value of [1_700_000_000_000, 1_600_000_000_000, 1_700_000_000_001, 5])
      await backend.raiseMark(name, value, 60_000)
    assert.equal(await backend.markOf(name), 1_700_000_000_001)
  })
  check(
    'raiseMark › after its time › gone; a shorter one does not shorten it',
    async (backend, name) => {
      await backend.raiseMark(name, 1, 400)
      await backend.raiseMark(name, 2, 50)
      await pass(150)
      assert.equal(await backend.markOf(name), 2)
      await pass(350)
      assert.equal(await backend.markOf(name), undefined)
    },
  )
  check('putOnce › 50 at once › one is first; after its time another', async (backend, key) => {
    const first = await parallel(() => backend.putOnce(key, 150))
    assert.equal(countOf(first, true), 1)
    await pass(200)
    assert.equal(await backend.putOnce(key, 150), true)
  })
  check('readListing › created, then ended › there, then gone', async (backend, id) => {
    assert.equal(await backend.readListing(id), undefined)
    await backend.create(id, 'listing', Buffer.from('line'), life)
    assert.deepEqual(await backend.readListing(id), { version: 1, sealed: Buffer.from('line') })
    await backend.end(id, 'session_revoked', 600)
    assert.equal(await backend.readListing(id), undefined)
  })
}
