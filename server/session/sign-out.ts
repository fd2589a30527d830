import { createHmac, hkdfSync } from 'node:crypto'
import type { SessionKey } from '../config/config.ts'
import type { Issuer, RecordId, SessionId, Sid, Sub } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Principal } from '../core/principal.ts'
import type { Backend } from './backend.ts'
import type { Listing } from './data.ts'
import { recordIdOf } from './record-id.ts'

export type SignOutDeps = {
  readonly backend: Pick<Backend, 'addToList' | 'listed' | 'raiseMark' | 'markOf'>
  readonly keys: readonly SessionKey[]
  readonly absoluteSeconds: number
  readonly log: Log
  readonly listing: (id: RecordId) => Promise<Listing | undefined>
  readonly endRecord: (id: RecordId) => Promise<unknown>
}

/** Whose sessions: of one login at the issuer (`sid`), or of one person there. */
export type SignOutFilter = { readonly issuer: Issuer; readonly sid?: Sid; readonly sub?: Sub }

const markLifeMs = 3_600_000

/**
 * Ends sessions without their cookies, and lets no login that is under way slip past.
 *
 * A login enlists itself, is stored, and then looks for a mark; a sign-out marks, and then goes through the list. Whichever
 * comes first, one of the two sees the other. OpenID Connect Back-Channel Logout 1.0 section 2.7.
 */
export const signOut = (deps: SignOutDeps) => {
  const names = listNames(deps.keys)
  const { listedIn, markAndEnd } = listEnds(deps)
  const end = (filter: SignOutFilter, beforeMs: number): Promise<number> =>
    markAndEnd(
      names(filter.issuer).map((each) => each.listOf(filter)),
      beforeMs,
      isOf(filter),
    )

  return {
    /** Before the session is stored: from now on a sign-out finds it. */
    enlist: async (id: SessionId, principal: Principal): Promise<void> => {
      const lifeMs = deps.absoluteSeconds * 1_000
      const [newest] = names(principal.issuer)
      const lists = newest?.listsOf(principal) ?? []
      await Promise.all(lists.map((list) => deps.backend.addToList(list, recordIdOf(id), lifeMs)))
    },
    /** After it is stored: whether it was signed out meanwhile. */
    isSignedOut: async (principal: Principal, createdAtMs: number): Promise<boolean> => {
      const marks = names(principal.issuer).flatMap((each) => each.listsOf(principal))
      const found = await Promise.all(marks.map((mark) => deps.backend.markOf(mark)))
      return found.some((beforeMs) => beforeMs !== undefined && createdAtMs < beforeMs)
    },
    /** Ends every session of the filter that was created before `beforeMs`; the result counts them. */
    end,
    /** Ends every session at the issuer that was created before `beforeMs`, and every login under way there; the result counts them. */
    endAll: (issuer: Issuer, beforeMs: number): Promise<number> =>
      markAndEnd(
        names(issuer).map(({ all }) => all),
        beforeMs,
        (line) => line.issuer === issuer,
      ),
    /**
     * As `end`, for an order that nobody signed: it leaves no mark where no login has enlisted itself, so that guesses cost
     * the store a look and nothing more.
     */
    endKnown: async (filter: SignOutFilter, beforeMs: number): Promise<number> => {
      const known = await listedIn(names(filter.issuer).map((each) => each.listOf(filter)))
      return known.length === 0 ? 0 : await end(filter, beforeMs)
    },
  }
}

/** Goes through lists, and ends what is meant of what they name. */
const listEnds = (deps: SignOutDeps) => {
  const listedIn = async (lists: readonly string[]): Promise<RecordId[]> =>
    (await Promise.all(lists.map((list) => deps.backend.listed(list)))).flat()

  const endListed = async (lists: readonly string[], isMeant: IsMeant): Promise<number> => {
    const ids = [...new Set(await listedIn(lists))]
    let ended = 0
    // A store that is asked for all sessions of a tenant at once answers nobody else meanwhile.
    for (let i = 0; i < ids.length; i += mostAtOnce) {
      const some = ids.slice(i, i + mostAtOnce).map((id) => endIfMeant(deps, id, isMeant))
      ended += (await Promise.all(some)).filter(Boolean).length
    }
    return ended
  }
  const markAndEnd = async (
    lists: readonly string[],
    beforeMs: number,
    isMeant: IsMeant,
  ): Promise<number> => {
    await Promise.all(lists.map((list) => deps.backend.raiseMark(list, beforeMs, markLifeMs)))
    return await endListed(lists, (line) => line.createdAtMs < beforeMs && isMeant(line))
  }
  return { listedIn, markAndEnd }
}

const mostAtOnce = 64

type IsMeant = (line: Listing) => boolean

const isOf =
  ({ issuer, sid, sub }: SignOutFilter): IsMeant =>
  (line) =>
    line.issuer === issuer &&
    (sid === undefined || line.sid === sid) &&
    (sub === undefined || line.sub === sub)

const endIfMeant = async (deps: SignOutDeps, id: RecordId, isMeant: IsMeant): Promise<boolean> => {
  const line = await deps.listing(id)
  if (line === undefined || !isMeant(line)) return false
  await deps.endRecord(id)
  return true
}

/** The names of lists and marks, keyed: a dump of the store does not tell who has a session. All keys, newest first. */
const listNames = (keys: readonly SessionKey[]) => {
  const hmacKeys = keys.map(({ key }) =>
    Buffer.from(hkdfSync('sha256', key.reveal(), '', 'latchkey list names 1', 32)),
  )
  return (issuer: Issuer) =>
    hmacKeys.map((key) => {
      const name = (kind: 'sid' | 'sub' | 'all', value: string) =>
        createHmac('sha256', key)
          .update(JSON.stringify([kind, issuer, value]))
          .digest('base64url')
      const listOf = ({ sid, sub }: Omit<SignOutFilter, 'issuer'>): string =>
        sid === undefined ? name('sub', sub ?? '') : name('sid', sid)
      const all = name('all', '')
      const listsOf = ({ sid, sub }: Pick<Principal, 'sid' | 'sub'>): string[] =>
        sid === undefined ? [all, listOf({ sub })] : [all, listOf({ sub }), listOf({ sid })]
      return { all, listOf, listsOf }
    })
}
