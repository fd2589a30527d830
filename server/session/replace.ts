import type { SessionId } from '../core/ids.ts'
import type { Principal } from '../core/principal.ts'
import type { Records } from './records.ts'

/**
 * Ends the session that a browser had before this login. Where both are of one session at the provider the tombstone says so: what
 * belongs to the old one and comes home late may belong to the new one as well.
 */
export const replaceSession =
  ({ read, end }: Pick<Records, 'read' | 'end'>) =>
  async (id: SessionId, by: Principal): Promise<void> => {
    const before = await read(id, false)
    const isSame = before.kind === 'live' && isSameLogin(before.facts.principal, by)
    await end(id, isSame ? 'replaced' : 'session_revoked')
  }

const isSameLogin = (one: Principal, other: Principal): boolean =>
  one.issuer === other.issuer && one.sub === other.sub && one.sid === other.sid
