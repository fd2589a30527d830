import type { TokenSet, TokenWant } from '../core/token-set.ts'
import type { LiveSession } from './records.ts'

/** Where a session's calls get their tokens, whatever brings those. */
export type FreshTokens = {
  /**
   * A token that may be sent now: the stored one, or a new one. Any number of calls cause one grant.
   * Throws `session_expired`, `session_revoked`, `idp_unavailable`, `token_refused`, or `step_up_required` with the login that is needed.
   */
  readonly fresh: (session: LiveSession, want: TokenWant) => Promise<TokenSet>
  /**
   * Another token than the one its resource server has just called invalid; undefined where there is none to be had.
   * Throws when the session turns out to be over.
   */
  readonly instead: (
    session: LiveSession,
    want: TokenWant,
    rejected: string,
  ) => Promise<TokenSet | undefined>
}

/** Those of the login itself, for which others are exchanged. */
export type UserTokens = FreshTokens & {
  /** As `fresh`, but after a refresh that is due or under way, for as long as the provider answers. */
  readonly renewed: FreshTokens['fresh']
}
