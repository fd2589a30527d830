import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../core/clock.ts'
import type { SessionId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { UpdateOutcome } from '../session/backend.ts'
import type { Vault } from '../session/data.ts'
import type { LiveSession, SessionState } from '../session/records.ts'

export type OpenVault = { readonly version: number; readonly content: Vault }

export type SettleDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly readSession: (id: SessionId) => Promise<SessionState>
  readonly openVault: (session: LiveSession) => OpenVault | undefined
  readonly saveVault: (id: SessionId, version: number, content: Vault) => Promise<UpdateOutcome>
}

export type Settling = {
  readonly id: SessionId
  /** Of the intent that this write takes away or marks. */
  readonly fence: number
  /** The vault as the intent was written. */
  readonly vault: OpenVault
  readonly change: (content: Vault) => Vault
}

const retryMs = 250
const patienceMs = 60_000

/**
 * Writes down what a refresh came to, as long as its own intent stands, however long the store is away.
 *
 * A rotated refresh token is nowhere else, so the write is tried again for a minute. What failed may have taken effect: each
 * further try reads first. `conflict`: somebody else's intent stands there, and their refresh counts.
 */
export const settle = async (deps: SettleDeps, settling: Settling): Promise<UpdateOutcome> => {
  const untilMs = deps.clock.nowMs() + patienceMs
  let known: OpenVault | undefined = settling.vault
  for (;;) {
    try {
      const vault = known ?? (await vaultNow(deps, settling.id))
      if (vault === undefined) return 'gone'
      if (known === undefined && vault.content.intent?.fence !== settling.fence)
        return wasSaved(vault, settling) ? 'updated' : 'conflict'
      const outcome = await deps.saveVault(
        settling.id,
        vault.version,
        settling.change(vault.content),
      )
      if (outcome !== 'conflict') return outcome
    } catch (cause) {
      if (deps.clock.nowMs() > untilMs) throw cause
      deps.log.warn({ err: cause }, 'the outcome of a refresh is not saved yet')
      await sleep(retryMs)
    }
    known = undefined
  }
}

const vaultNow = async (deps: SettleDeps, id: SessionId): Promise<OpenVault | undefined> => {
  const state = await deps.readSession(id)
  return state.kind === 'live' ? deps.openVault(state) : undefined
}

/** Whether the vault is as an earlier try of this very write would have left it. */
const wasSaved = ({ content }: OpenVault, { change, vault }: Settling): boolean =>
  JSON.stringify(content) === JSON.stringify(change(vault.content))
