import { hash } from 'node:crypto'
import { withDeadline } from '../core/deadline.ts'
import type { SessionId, Sub } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Random } from '../core/random.ts'
import { parseReturnTo } from '../core/return-to.ts'
import type { EndSessionRequest } from '../oidc/end-session.ts'
import type { Backend } from '../session/backend.ts'
import type { Vault } from '../session/data.ts'
import { recordIdOf } from '../session/record-id.ts'
import type { Sealer } from '../session/seal.ts'

export type EndLoginDeps = {
  readonly log: Log
  readonly random: Random
  readonly backend: Pick<Backend, 'put' | 'take'>
  readonly sealer: Sealer
  readonly idTokenHint: boolean
  readonly postLogoutRedirectUri: string
  /** The prefix of the tenant's paths. */
  readonly base: string
  /** Gives back the vault as it was when the session ended. */
  readonly endSession: (id: SessionId) => Promise<Vault | undefined>
  readonly revoke: (refreshToken: string) => Promise<void>
  /** Where the provider's session ends; undefined when it cannot be done there. */
  readonly endSessionUrl: (request: EndSessionRequest) => Promise<string | undefined>
  readonly keep: <T>(work: Promise<T>) => Promise<T>
}

const callbackLifeMs = 600_000
const ticketLifeMs = 60_000
const revokeWaitMs = 3_000
const providerWaitMs = 3_000

const slowProvider = () => new Error('the provider is slow')

export type EndLogin = ReturnType<typeof endLogin>

/** The ways out: end here first, then tell the provider, then send the browser there. */
export const endLogin = (deps: EndLoginDeps) => ({
  /**
   * Ends the session before anything else, then revokes the refresh token it had at that moment; the result is where
   * the browser goes next. A provider that is away delays nobody and keeps nobody logged in.
   */
  end: async (id: SessionId, sub: Sub | undefined, returnTo: string): Promise<string> => {
    const vault = await deps.endSession(id)
    deps.log.info({ audit: 'logout', record: recordIdOf(id), sub }, 'logout')
    if (vault?.refreshToken !== undefined) await revokeSoon(deps, vault.refreshToken)
    return (await providerLogout(deps, vault?.idToken, returnTo)) ?? returnTo
  },

  /** So that a page may say where its form ends: Chrome holds `form-action` against the redirect to the provider as well. */
  meetProvider: async (): Promise<void> => {
    const { postLogoutRedirectUri } = deps
    const met = deps.endSessionUrl({ postLogoutRedirectUri, state: '' })
    await withDeadline(met, providerWaitMs, slowProvider).catch(() => undefined)
  },

  /** A path that leads there once and for 60 s: the ID token in the address never reaches a script. */
  ticketFor: async (location: string): Promise<string> => {
    if (location.startsWith('/')) return location
    const ticket = deps.random.token(32)
    const sealed = deps.sealer.seal(ticketContext(ticket), Buffer.from(location))
    await deps.backend.put(`logout-ticket:${digest(ticket)}`, sealed, ticketLifeMs)
    return `${deps.base}/logout/continue?ticket=${ticket}`
  },

  redeem: async (ticket: string): Promise<string | undefined> => {
    const sealed = await deps.backend.take(`logout-ticket:${digest(ticket)}`)
    if (sealed === undefined) return undefined
    return deps.sealer.open(ticketContext(ticket), sealed)?.plain.toString('utf8')
  },

  /** Where `/logout/callback` goes on to; an unknown state still ends well. */
  returnToOf: async (state: string): Promise<string> => {
    const stored = await deps.backend.take(`logout-state:${digest(state)}`)
    const parsed = parseReturnTo(stored?.toString('utf8'))
    return parsed.ok ? parsed.value : `${deps.base}/`
  },
})

/** Waits a little, so that "logged out" is true at the provider as well, but never for long. */
const revokeSoon = async (deps: EndLoginDeps, refreshToken: string): Promise<void> => {
  const revoking = deps.keep(deps.revoke(refreshToken))
  await withDeadline(revoking, revokeWaitMs, () => new Error('revocation is slow')).catch(
    (cause: unknown) => {
      deps.log.warn({ err: cause }, 'refresh token not revoked at the provider')
    },
  )
}

const providerLogout = async (
  deps: EndLoginDeps,
  idToken: string | undefined,
  returnTo: string,
): Promise<string | undefined> => {
  const state = deps.random.token(32)
  const hinted = deps.idTokenHint && idToken !== undefined && idToken !== ''
  const request = {
    postLogoutRedirectUri: deps.postLogoutRedirectUri,
    state,
    idTokenHint: hinted ? idToken : undefined,
  }
  try {
    const location = await withDeadline(deps.endSessionUrl(request), providerWaitMs, slowProvider)
    if (location !== undefined)
      await deps.backend.put(`logout-state:${digest(state)}`, Buffer.from(returnTo), callbackLifeMs)
    return location
  } catch (cause) {
    deps.log.warn({ err: cause }, 'logged out here; the provider was not reached')
    return undefined
  }
}

const ticketContext = (ticket: string) => ({
  secret: ticket,
  recordId: digest(ticket),
  kind: 'logout-ticket',
  version: 1,
})

const digest = (text: string): string => hash('sha256', text, 'base64url')
