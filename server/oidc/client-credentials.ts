import { clientCredentialsGrant } from 'openid-client'
import type { Tenant } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import type { TokenWant } from '../core/token-set.ts'
import type { GrantOutcome } from './grant-outcome.ts'
import { grantOutcome, readGranted } from './grant-outcome.ts'
import type { MetIssuer } from './issuers.ts'
import { wantParameters } from './token-parameters.ts'

/** A token for the client itself (RFC 6749 section 4.4): nobody's login is in the request; never throws. */
export const clientCredentials = (
  met: () => Promise<MetIssuer>,
  tenant: Tenant,
  want: TokenWant,
  clock: Clock,
): Promise<GrantOutcome> => {
  const audience = want.audience ?? tenant.audience
  const resource = want.resource ?? tenant.resource
  const parameters = wantParameters({ ...want, audience, resource })
  return grantOutcome(async () => {
    const { asClient } = await met()
    const askedAtMs = clock.nowMs()
    const answer = await asClient((configuration) =>
      clientCredentialsGrant(configuration, parameters),
    )
    return readGranted(answer, want.scope, { askedAtMs, nowMs: clock.nowMs() })
  }, tenant.timeoutMs)
}
