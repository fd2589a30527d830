import { hash } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import type { Issuer, RecordId, TenantId } from '../core/ids.ts'
import { asRecordId } from '../core/ids.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { packJson, unpackJson } from '../session/packed-json.ts'
import type { Sealer } from '../session/seal.ts'

/** While a provider that said no, or nothing, is not asked again. */
export type Rest = {
  readonly untilMs: number
  readonly lengthMs: number
  /** The OAuth error; undefined: it could not be asked. */
  readonly reason?: string | undefined
}

/** What all instances know of one token of the client itself. */
export type ServiceRecord = {
  readonly set?: TokenSet | undefined
  readonly rest?: Rest | undefined
}

export type ServiceRecordsDeps = {
  readonly clock: Clock
  readonly sealer: Sealer
  readonly peek: (key: string) => Promise<Buffer | undefined>
  readonly put: (key: string, value: Buffer, ttlMs: number) => Promise<void>
  /** Whose tokens: another client's would be sent in its name. */
  readonly client: {
    readonly tenant: TenantId
    readonly issuer: Issuer
    readonly clientId: string
  }
}

export type ServiceRecords = {
  /** Names the token's record and its lock. */
  readonly idOf: (want: TokenWant) => RecordId
  /** As this process last saw it. */
  readonly known: (id: RecordId) => ServiceRecord
  readonly read: (id: RecordId) => Promise<ServiceRecord>
  readonly write: (id: RecordId, record: ServiceRecord) => Promise<void>
}

const kind = 'service-token'
/** How long a rest is remembered after its end, so that the next one is longer. */
const rememberedMs = 300_000

/** The tokens of the client itself, shared by all instances; sealed under the master key, since they are no session's. */
export const serviceRecords = (deps: ServiceRecordsDeps): ServiceRecords => {
  const { clock, sealer, client } = deps
  const seen = new Map<RecordId, ServiceRecord>()
  const keyOf = (id: RecordId) => `${kind} ${id}`
  const context = (id: RecordId) => ({ secret: '', recordId: id, kind, version: 1 })
  return {
    idOf: ({ audience = '', resource = '', scope = '' }) => {
      const { tenant, issuer, clientId } = client
      const name = JSON.stringify([kind, tenant, issuer, clientId, audience, resource, scope])
      return asRecordId(hash('sha256', name, 'base64url'))
    },
    known: (id) => seen.get(id) ?? {},
    read: async (id) => {
      const sealed = await deps.peek(keyOf(id))
      const opened = sealed && sealer.open(context(id), sealed)
      // What opens under the master key was written below.
      const record = opened === undefined ? {} : (unpackJson(opened.plain) as ServiceRecord)
      seen.set(id, record)
      return record
    },
    write: async (id, record) => {
      seen.set(id, record)
      const restEndMs = (record.rest?.untilMs ?? 0) + rememberedMs
      const lifeMs = Math.max(record.set?.expiresAtMs ?? 0, restEndMs) - clock.nowMs()
      await deps.put(keyOf(id), sealer.seal(context(id), packJson(record)), Math.max(lifeMs, 1))
    },
  }
}
