import { startRealm } from '../keycloak/realm.ts'
import type { StormSizes } from '../keycloak/storm.ts'
import { storm } from '../keycloak/storm.ts'
import type { Cleanup } from '../support/redis-server.ts'
import type { Figures } from './figures.ts'

/** The expiry storm against the real Keycloak with "Revoke Refresh Token" on and reuse 0, whose own events are counted. */
export const keycloakStorm = async (t: Cleanup, sizes: StormSizes): Promise<Figures> => {
  const { failedCalls, seconds, ...counted } = await storm(t, await startRealm(t), sizes)
  const { expiries, grants, refusedGrants, unevenSessions } = counted
  const failed = Object.entries(failedCalls).map(([kind, count]) => `${count} calls: ${kind}`)
  const faults = [
    ...(grants === expiries ? [] : [`${grants} grants for ${expiries} expiries`]),
    ...(refusedGrants === 0 ? [] : [`${refusedGrants} grants refused`]),
    ...(unevenSessions === 0 ? [] : [`${unevenSessions} sessions with another number of grants`]),
    ...failed,
  ]
  const failedInAll = Object.values(failedCalls).reduce((sum, count) => sum + count, 0)
  const facts = { ...sizes, ...counted, 'failed calls': failedInAll }
  return { name: 'R12 real Keycloak', seconds, facts, faults, gaps: [], logged: {} }
}
