import type { RecordId } from '../../server/core/ids.ts'
import type { Backend, Known } from '../../server/session/backend.ts'
import type { Check } from './backend-contract.ts'
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'

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
  return { session: found.session, vault: found.vault }
}

const records = async (asked: ReturnType<Backend['readAgain']>): Promise<Known | string> => {
  const found = await asked
  return found.kind === 'live' ? { session: found.session, vault: found.vault } : found.kind
}

/** What a store says to whoever has read a session before. */
export const readAgainContract = (check: Check): void => {
  check('readAgain › nothing changed › the deadlines alone', async (backend, id) => {
    const again = await backend.readAgain(id, await created(backend, id), 60)
    assert.equal(again.kind, 'unchanged')
    assert.ok(again.idleLeftMs > 55_000 && again.idleLeftMs <= 60_000, `${again.idleLeftMs}`)
    assert.ok(again.absoluteLeftMs > 595_000 && again.absoluteLeftMs <= 600_000)
  })
  check('readAgain › a tenth of the idle time is over › slides', async (backend, id) => {
    const again = await backend.readAgain(id, await created(backend, id), 300)
    assert.equal(again.kind, 'unchanged')
    assert.ok(again.idleLeftMs > 290_000, `${again.idleLeftMs}`)
  })
  for (const kind of ['session', 'vault'] as const)
    check(`readAgain › the ${kind} was replaced › all that stands now`, async (backend, id) => {
      const known = await created(backend, id)
      assert.equal(await backend.update(id, kind, 1, sealed()), 'updated')
      const now = await records(backend.readAgain(id, known, 60))
      assert.deepEqual(now, await knownOf(backend, id))
      assert.notDeepEqual(now, known)
    })
  check('readAgain › other bytes under the same version › all', async (backend, id) => {
    const known = await created(backend, id)
    const lost = { ...known, session: { version: 1, sealed: sealed() } }
    assert.deepEqual(await records(backend.readAgain(id, lost, 60)), known)
  })
  check('readAgain › a vault that was not known › all', async (backend, id) => {
    const known = await created(backend, id)
    const less = { ...known, vault: undefined }
    assert.deepEqual(await records(backend.readAgain(id, less, 60)), known)
  })
  check('readAgain › a vault that is no more › all', async (backend, id) => {
    await backend.create(id, 'session', sealed(), life)
    const known = await knownOf(backend, id)
    const more = { ...known, vault: { version: 1, sealed: sealed() } }
    assert.deepEqual(await records(backend.readAgain(id, more, 60)), known)
    assert.equal((await backend.readAgain(id, known, 60)).kind, 'unchanged')
  })
  check('readAgain › ended › says so', async (backend, id) => {
    const known = await created(backend, id)
    await backend.end(id, 'session_revoked', 600)
    const ended = { kind: 'ended', reason: 'session_revoked' }
    assert.deepEqual(await backend.readAgain(id, known, 60), ended)
  })
  check('readAgain › nothing stands › missing', async (backend, id) => {
    const known = { session: { version: 1, sealed: sealed() }, vault: undefined }
    assert.deepEqual(await backend.readAgain(id, known, 60), { kind: 'missing' })
  })
}
