import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../server/core/clock.ts'
import { BrokerError } from '../../server/core/errors.ts'
import { parseSessionId } from '../../server/core/ids.ts'
import { silentLog } from '../../server/core/log.ts'
import type { SettleDeps } from '../../server/refresh/settle.ts'
import { settle } from '../../server/refresh/settle.ts'
import type { Vault } from '../../server/session/data.ts'
import type { LiveSession } from '../../server/session/records.ts'

const id = parseSessionId('s'.repeat(43)) ?? assert.fail()
const withIntent: Vault = { refreshToken: 'old', idToken: '', sets: {}, intent: { fence: 7, atMs: 0 } } // prettier-ignore
const saved: Vault = { refreshToken: 'new', idToken: '', sets: {} }
const change = ({ intent: _done, ...content }: Vault): Vault => ({
  ...content,
  refreshToken: 'new',
})

/** A vault in memory whose writes fail as the test says: `before` or `after` taking effect. */
const store = (start: Vault | undefined, faults: ('before' | 'after')[] = []) => {
  const held = { version: 2, content: start }
  const deps: SettleDeps = {
    clock: systemClock,
    log: silentLog,
    readSession: () =>
      Promise.resolve(
        held.content === undefined
          ? { kind: 'ended', reason: 'session_revoked' }
          : ({ kind: 'live' } as LiveSession),
      ),
    openVault: () =>
      held.content && { version: held.version, content: structuredClone(held.content) },
    saveVault: (_id, version, content) => {
      const fault = faults.shift()
      if (fault === 'before') return Promise.reject(new BrokerError('store_unavailable'))
      if (held.content === undefined) return Promise.resolve('gone')
      if (version !== held.version) return Promise.resolve('conflict')
      held.version += 1
      held.content = content
      return fault === 'after'
        ? Promise.reject(new BrokerError('store_unavailable'))
        : Promise.resolve('updated')
    },
  }
  return { deps, held }
}

const settling = { id, fence: 7, vault: { version: 2, content: withIntent }, change }

test('settle › the intent stands › written', async () => {
  const { deps, held } = store(withIntent)
  assert.equal(await settle(deps, settling), 'updated')
  assert.deepEqual(held.content, saved)
})

test('settle › the store fails before and after it has written (R28) › written once', async () => {
  const { deps, held } = store(withIntent, ['before', 'after'])
  assert.equal(await settle(deps, settling), 'updated')
  assert.deepEqual(held, { version: 3, content: saved })
})

test('settle › somebody has marked our intent meanwhile › written over the mark', async () => {
  const { deps, held } = store({ ...withIntent, intent: { fence: 7, atMs: 0, orphanSeenAtMs: 5 } })
  held.version = 3
  assert.equal(await settle(deps, settling), 'updated')
  assert.deepEqual(held.content, saved)
})

test("settle › somebody else's intent stands there › conflict, theirs is untouched", async () => {
  const theirs: Vault = { ...withIntent, intent: { fence: 8, atMs: 1 } }
  const { deps, held } = store(theirs)
  held.version = 4
  assert.equal(await settle(deps, settling), 'conflict')
  assert.deepEqual(held.content, theirs)
})

test('settle › the session has ended (R13) › gone, nothing written', async () => {
  const { deps, held } = store(undefined)
  assert.equal(await settle(deps, settling), 'gone')
  assert.equal(held.content, undefined)
})
