import type { RecordId } from '../../server/core/ids.ts'
import type { Backend, Known } from '../../server/session/backend.ts'
import type { Check } from './backend-contract.ts'
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { asRecordId } from '../../server/core/ids.ts'

const life = { idleSeconds: 60, absoluteSeconds: 600 }
/** As long as a seal, which never comes out the same twice. */
const sealed = () => randomBytes(200)

const created = async (backend: Backend, id: RecordId): Promise<Known> => {
  await backend.create(id, 'vault', sealed(), life)
  await backend.create(id, 'session', sealed(), life)
  return await knownOf(backend, id)
}

const knownOf = async (backend: Backend, id: RecordId): Promise<Known> => {
  const found = await backend.read(id)
  assert.equal(found.kind, 'live')
  return { id, session: found.session, vault: found.vault }
}

const again = async (backend: Backend, known: Known, slideSeconds = 60) => {
  const [found] = await backend.readAgain([known], slideSeconds)
  return found ?? assert.fail('no answer')
}

const records = async (backend: Backend, known: Known): Promise<Known | string> => {
  const found = await again(backend, known)
  return found.kind === 'live'
    ? { id: known.id, session: found.session, vault: found.vault }
    : found.kind
}

/** What a store says to whoever has read a session before. */
export const readAgainContract = (check: Check): void => {
  check('readAgain › nothing changed › the deadlines alone', async (backend, id) => {
    const same = await again(backend, await created(backend, id))
    assert.equal(same.kind, 'unchanged')
    assert.ok(same.idleLeftMs > 55_000 && same.idleLeftMs <= 60_000, `${same.idleLeftMs}`)
    assert.ok(same.absoluteLeftMs > 595_000 && same.absoluteLeftMs <= 600_000)
  })
  check('readAgain › a tenth of the idle time is over › slides', async (backend, id) => {
    const same = await again(backend, await created(backend, id), 300)
    assert.equal(same.kind, 'unchanged')
    assert.ok(same.idleLeftMs > 290_000, `${same.idleLeftMs}`)
  })
  for (const kind of ['session', 'vault'] as const)
    check(`readAgain › the ${kind} was replaced › all that stands now`, async (backend, id) => {
      const known = await created(backend, id)
      assert.equal(await backend.update(id, kind, 1, sealed()), 'updated')
      const now = await records(backend, known)
      assert.deepEqual(now, await knownOf(backend, id))
      assert.notDeepEqual(now, known)
    })
  check('readAgain › other bytes under the same version › all', async (backend, id) => {
    const known = await created(backend, id)
    const lost = { ...known, session: { version: 1, sealed: sealed() } }
    assert.deepEqual(await records(backend, lost), known)
  })
  check('readAgain › a vault that was not known › all', async (backend, id) => {
    const known = await created(backend, id)
    const less = { ...known, vault: undefined }
    assert.deepEqual(await records(backend, less), known)
  })
  check('readAgain › a vault that is no more › all', async (backend, id) => {
    await backend.create(id, 'session', sealed(), life)
    const known = await knownOf(backend, id)
    const more = { ...known, vault: { version: 1, sealed: sealed() } }
    assert.deepEqual(await records(backend, more), known)
    assert.equal((await again(backend, known)).kind, 'unchanged')
  })
  check('readAgain › ended › says so', async (backend, id) => {
    const known = await created(backend, id)
    await backend.end(id, 'session_revoked', 600)
    const ended = { kind: 'ended', reason: 'session_revoked' }
    assert.deepEqual(await again(backend, known), ended)
  })
  check('readAgain › nothing stands › missing', async (backend, id) => {
    const known = { id, session: { version: 1, sealed: sealed() }, vault: undefined }
    assert.deepEqual(await again(backend, known), { kind: 'missing' })
  })
  check('readAgain › many at once › an answer for each, in their order', async (backend, id) => {
    const ids = Array.from({ length: 100 }, (_, n) => asRecordId(`${id}-${n}`))
    const known = await Promise.all(ids.map((one) => created(backend, one)))
    const ended = ids.filter((_, n) => n % 7 === 0)
    const changed = ids.filter((_, n) => n % 5 === 0 && n % 7 !== 0)
    for (const one of ended) await backend.end(one, 'session_revoked', 600)
    for (const one of changed) await backend.update(one, 'vault', 1, sealed())
    const kinds = (await backend.readAgain(known, 60)).map(({ kind }) => kind)
    const wanted = ids.map((one) => {
      if (ended.includes(one)) return 'ended'
      return changed.includes(one) ? 'live' : 'unchanged'
    })
    assert.deepEqual(kinds, wanted)
    assert.deepEqual(await backend.readAgain([], 60), [])
  })
}
