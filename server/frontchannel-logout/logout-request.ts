import type { Issuer, Sid } from '../core/ids.ts'
import { asSid } from '../core/ids.ts'
import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'

/** What a provider names the session by; `sid_alone` is for one that leaves `iss` out, and is held to it when it does not. */
export type NamedBy = 'iss_and_sid' | 'sid_alone'

const needed: Readonly<Record<NamedBy, readonly ('iss' | 'sid')[]>> = {
  iss_and_sid: ['iss', 'sid'],
  sid_alone: ['sid'],
}

const longestSid = 1_024

/**
 * The provider's name for the session to end, or what is wrong with the request.
 * OpenID Connect Front-Channel Logout 1.0 section 2: where one of `iss` and `sid` comes, both do.
 */
export const readLogoutRequest = (
  parameters: URLSearchParams,
  { issuer, namedBy }: { readonly issuer: Issuer; readonly namedBy: NamedBy },
): Result<Sid, string> => {
  const [iss, secondIss] = parameters.getAll('iss')
  const [sid, secondSid] = parameters.getAll('sid')
  if (secondIss !== undefined || secondSid !== undefined) return err('Send iss and sid once each.')
  const missing = needed[namedBy].find((name) => !parameters.has(name))
  if (missing !== undefined || sid === undefined || sid === '')
    return err(`Send ${needed[namedBy].join(' and ')}.`)
  if (iss !== undefined && iss !== issuer) return err('iss is not the issuer of this app.')
  return sid.length > longestSid ? err('sid is too long.') : ok(asSid(sid))
}
