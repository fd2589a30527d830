import { BrokerError } from '../core/errors.ts'
import type { SessionId } from '../core/ids.ts'
import { parseSessionId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Principal } from '../core/principal.ts'
import type { StepUp } from '../core/step-up.ts'
import { doneAfter } from '../core/step-up.ts'
import { tokenKey } from '../core/token-set.ts'
import type { IDToken, TokenAnswer } from '../oidc/token-answer.ts'
import type { CreateOutcome } from '../session/backend.ts'
import { recordIdOf } from '../session/record-id.ts'
import type { Listing, SessionFacts, Vault } from '../session/data.ts'
import type { PendingLogin } from './transactions.ts'

export type FinishLoginDeps = {
  readonly log: Log
  readonly nowMs: () => number
  readonly issuer: string
  /** Checks the response, sends the code, checks the tokens; rejects with `login_failed` or `idp_unavailable`. */
  readonly exchange: (
    parameters: URLSearchParams,
    pending: PendingLogin,
    revokesUnused: boolean,
  ) => Promise<TokenAnswer>
  readonly principalOf: (claims: IDToken) => Principal
  /** Undefined for whom the rules let in; else how this ID token falls short of each kind of rule. */
  readonly whyNotAllowed: (claims: IDToken) => Readonly<Record<string, string>> | undefined
  /** Undefined for the tenant's people, at an issuer that several share; else how this ID token falls short of the tenant's claim. */
  readonly whyNotOfTenant: (claims: IDToken) => Readonly<Record<string, string>> | undefined
  readonly createVault: (id: SessionId, vault: Vault) => Promise<CreateOutcome>
  readonly createListing: (id: SessionId, listing: Listing) => Promise<CreateOutcome>
  readonly endSession: (id: SessionId) => Promise<unknown>
  /** Ends the session that this login takes the place of. */
  readonly replaceSession: (id: SessionId, by: Principal) => Promise<void>
  /** Tells the provider, some time, that a token is not needed; never throws. */
  readonly revoke: (token: string) => void
  /** Whether that takes the grant of the session before along, which may be of the same session at the provider. */
  readonly revokesTheSession: boolean
  /** Lets a sign-out at the provider find the session. */
  readonly enlist: (id: SessionId, principal: Principal) => Promise<void>
  /** Whether such a sign-out came while the session was being stored. */
  readonly isSignedOut: (principal: Principal, createdAtMs: number) => Promise<boolean>
}

/** The browser's side of a login, in the order of a change of privilege. */
export type Browser = {
  readonly agent: string
  /** The session that the callback shows, where its cookie came along. */
  readonly sessionId: SessionId | undefined
  /** A session id that nobody has seen: an id planted before the login must not become the login (fixation). */
  readonly renew: () => Promise<SessionId>
  readonly save: (facts: SessionFacts) => Promise<void>
}

/**
 * Turns an authorization response into a session: vault, listing, then the session record, each durably stored before the
 * browser hears of it; then the session that was there before is ended.
 */
export const finishLogin =
  (deps: FinishLoginDeps) =>
  async (
    parameters: URLSearchParams,
    pending: PendingLogin,
    browser: Browser,
  ): Promise<SessionId> => {
    // The provider in the settings may have changed since /login: a code goes only to the issuer that was asked.
    if (pending.issuer !== deps.issuer) throw new BrokerError('login_failed')
    // Not when it is stored: a sign-out while the code is being exchanged, however long that takes, is for this login as well.
    const createdAtMs = deps.nowMs()
    const revokesUnused = !deps.revokesTheSession || pending.foundSessionId === undefined
    const answer = await deps.exchange(parameters, pending, revokesUnused)
    if (answer.idToken === undefined) throw new BrokerError('login_failed')
    const principal = deps.principalOf(answer.idToken.claims)
    try {
      requireTenant(deps, answer.idToken.claims, principal)
      requireAllowed(deps, answer.idToken.claims, principal)
      requireSteppedUp(pending.stepUp, principal)
      return await storeLogin(deps, { answer, principal, pending, browser, createdAtMs })
    } catch (error) {
      // Tokens that nobody will hold must not live on; with the refresh token go its access tokens (RFC 7009 section 2.1).
      if (revokesUnused) deps.revoke(answer.refreshToken ?? answer.tokenSet.accessToken)
      throw error
    }
  }

/**
 * A login that comes back weaker than asked changes nothing: a session that has it would only meet the same refusal
 * (OpenID Connect Core 1.0 section 3.1.3.7, item 12; item 13, `max_age`, is the exchange's).
 */
const requireSteppedUp = (stepUp: StepUp | undefined, { acr }: Principal): void => {
  const asked = stepUp?.demand.acrValues
  if (asked === undefined || (acr !== undefined && asked.includes(acr))) return
  const found = acr === undefined ? 'missing' : JSON.stringify(acr)
  throw new BrokerError('login_failed', {
    detail: 'The identity provider did not log you in as strongly as this needs.',
    cause: new Error(`acr is ${found}, none of ${asked.join(', ')}`),
  })
}

/** Another tenant's person at the same issuer: let in, they would be one of this tenant's to every route. */
const requireTenant = (
  deps: FinishLoginDeps,
  claims: IDToken,
  { sub, issuer, tenant }: Principal,
): void => {
  const tenantClaim = deps.whyNotOfTenant(claims)
  if (tenantClaim === undefined) return
  deps.log.warn(
    { audit: 'login_refused', reason: 'forbidden_tenant', tenantClaim, tenant, sub, issuer },
    'not of this tenant',
  )
  throw new BrokerError('forbidden_tenant')
}

/** Before anything is stored: whom the rules leave out has no session, not for a moment. */
const requireAllowed = (deps: FinishLoginDeps, claims: IDToken, principal: Principal): void => {
  const rules = deps.whyNotAllowed(claims)
  if (rules === undefined) return
  const { sub, issuer } = principal
  deps.log.warn(
    { audit: 'login_refused', reason: 'not_allowed', rules, sub, issuer },
    'not allowed',
  )
  throw new BrokerError('not_allowed')
}

type Login = {
  readonly answer: TokenAnswer
  readonly principal: Principal
  readonly pending: PendingLogin
  readonly browser: Browser
  readonly createdAtMs: number
}

const storeLogin = async (
  deps: FinishLoginDeps,
  { answer, principal, pending, browser, createdAtMs }: Login,
): Promise<SessionId> => {
  // Before its id is taken away, which would end it without a word on why.
  if (browser.sessionId !== undefined) await deps.replaceSession(browser.sessionId, principal)
  const id = await browser.renew()
  await deps.enlist(id, principal)
  const line = lineOf(principal, createdAtMs, browser.agent)
  const [vault, listing] = await Promise.all([
    deps.createVault(id, vaultOf(answer)),
    deps.createListing(id, line),
  ])
  requireCreated(vault)
  requireCreated(listing)
  const stepUps = pending.stepUp && doneAfter(pending.stepUp, principal, createdAtMs)
  await browser.save({ principal, createdAtMs, stepUps }).catch(refuseIfSignedOut)
  if (await deps.isSignedOut(principal, createdAtMs)) {
    await deps.endSession(id)
    throw signedOut()
  }
  const found = parseSessionId(pending.foundSessionId ?? '')
  if (found !== undefined && found !== id) await deps.replaceSession(found, principal)
  const facts = { record: recordIdOf(id), sub: principal.sub, issuer: principal.issuer }
  deps.log.info({ audit: 'login', ...facts }, 'login finished')
  return id
}

const signedOut = () =>
  new BrokerError('login_failed', { detail: 'You were logged out at the same moment.' })

/** A sign-out that was faster has put its tombstone where the session wanted to be. */
const refuseIfSignedOut = (error: unknown): never => {
  throw error instanceof BrokerError && error.code === 'session_revoked' ? signedOut() : error
}

const lineOf = (
  { issuer, sub, sid, tenant }: Principal,
  createdAtMs: number,
  agent: string,
): Listing => ({ issuer, sub, sid, tenant, createdAtMs, agent })

const vaultOf = ({ tokenSet, refreshToken, idToken }: TokenAnswer): Vault => ({
  refreshToken,
  nonce: idToken?.claims.nonce,
  idToken: idToken?.raw ?? '',
  sets: { [tokenKey({})]: tokenSet },
})

const requireCreated = (outcome: CreateOutcome): void => {
  if (outcome === 'ended') throw signedOut()
  if (outcome !== 'created')
    throw new BrokerError('internal_error', { cause: new Error(`new record: ${outcome}`) })
}
