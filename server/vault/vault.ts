import type { SessionId } from '../core/ids.ts'
import type { CreateOutcome, EndReason, StoredRecord, UpdateOutcome } from '../session/backend.ts'
import type { Vault } from '../session/data.ts'
import type { LiveSession, Records } from '../session/records.ts'

/** A vault as it was read: a save must say which version it replaces. */
export type OpenVault = { readonly version: number; readonly content: Vault }

export type TokenVault = {
  readonly create: (id: SessionId, content: Vault) => Promise<CreateOutcome>
  readonly open: (session: LiveSession) => OpenVault | undefined
  /** Ends the session; the vault as it was at that moment, after every refresh that came home. */
  readonly end: (id: SessionId, reason: EndReason) => Promise<Vault | undefined>
  /** Replaces exactly the version that was read; `gone` after a logout, so that tokens cannot revive it. */
  readonly save: (id: SessionId, version: number, content: Vault) => Promise<UpdateOutcome>
}

/** The tokens of each login, sealed under its session id and only ever replaced by compare-and-set. */
export const tokenVault = (records: Records): TokenVault => ({
  create: (id, content) => records.create(id, 'vault', content),
  open: openOnce(records),
  end: async (id, reason) => {
    const vault = await records.end(id, reason)
    return vault && opened(records, id, vault)
  },
  save: (id, version, content) => records.update(id, 'vault', version, content),
})

/** The record of a session that serves many calls is opened once; what was in it is forgotten with it. */
const openOnce = (records: Records): TokenVault['open'] => {
  const known = new WeakMap<StoredRecord, OpenVault>()
  return ({ id, vault: record }) => {
    if (record === undefined) return undefined
    const before = known.get(record)
    if (before !== undefined) return before
    const content = opened(records, id, record)
    if (content === undefined) return undefined
    const vault = { version: record.version, content }
    known.set(record, vault)
    return vault
  }
}

const opened = (records: Records, id: SessionId, vault: StoredRecord): Vault | undefined =>
  // What opens under the session's own key was written here.
  records.open(id, 'vault', vault) as Vault | undefined
