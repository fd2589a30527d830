import type { Issuer, Sid, Sub, TenantId } from '../core/ids.ts'
import type { Principal } from '../core/principal.ts'
import type { StepUpDemand, StepUpDone } from '../core/step-up.ts'
import type { TokenSet } from '../core/token-set.ts'

/** What the session record holds; small, written at login and hardly ever after. */
export type SessionFacts = {
  readonly principal: Principal
  readonly createdAtMs: number
  /** The step-ups that led here, the last few minutes' at least. */
  readonly stepUps?: readonly StepUpDone[] | undefined
}

/** A refresh that was sent or about to be. While it stands in a vault, the refresh token may be used up. */
export type RefreshIntent = {
  /** Whose: the fencing number of the lock it was written under. */
  readonly fence: number
  readonly atMs: number
  /** `unknown`: its sender could not tell what came of it. */
  readonly outcome?: 'unknown' | undefined
  /** When somebody else first found it without a holder of the lock. */
  readonly orphanSeenAtMs?: number | undefined
}

/** A login that the provider asked for when it was asked for a token. */
export type NeededLogin = { readonly demand: StepUpDemand; readonly atMs: number }

/** What the vault holds: every token of one login. */
export type Vault = {
  readonly refreshToken?: string | undefined
  /** Of the login's ID token: a refreshed one may not have another. */
  readonly nonce?: string | undefined
  readonly intent?: RefreshIntent | undefined
  /** By `tokenKey`: what the provider wants of the person before it gives another one. */
  readonly needs?: Readonly<Record<string, NeededLogin>> | undefined
  /** Kept for `id_token_hint` alone. */
  readonly idToken: string
  /** By `tokenKey`. */
  readonly sets: Readonly<Record<string, TokenSet>>
}

/** The session's line in its user's list of sessions; opens without the cookie. */
export type Listing = {
  readonly issuer: Issuer
  readonly sub: Sub
  readonly sid?: Sid | undefined
  readonly tenant: TenantId
  readonly createdAtMs: number
  readonly agent: string
}

declare module 'express-session' {
  // Declaration merging is how express-session takes the type of its data.
  interface SessionData {
    principal: Principal
    createdAtMs: number
    stepUps: readonly StepUpDone[]
    /** The version of the record this was read from; absent until it is stored. */
    recordVersion: number
  }
}
