import type { IncomingMessage } from 'node:http'
import type { AccessTokenDialect } from '../core/dialects.ts'
import type { ProfileName } from '../core/profiles.ts'
import type { Fetch } from '../oidc/bounded-json.ts'
import type { AccessTokenError } from './access-token-error.ts'
import type { Algorithm } from './algorithms.ts'
import type { DpopOptions } from './possession.ts'
import type { Requirements } from './requirements.ts'

/** Who may call, by the access token that the call carries. */
export type AccessTokenOptions = Requirements & {
  /** Exactly as the tokens and the metadata have it. */
  readonly issuer: string
  /** This service's name at the issuer; of several, one has to be in the token. */
  readonly audience: string | readonly string[]
  /** What kind of provider it is; `generic` is RFC 9068 to the letter. */
  readonly profile?: ProfileName | undefined
  /** `compat` takes a header `typ` of `JWT`, or none, as well: where the profile does not say so already. */
  readonly typ?: AccessTokenDialect['typ'] | undefined
  readonly algorithms?: readonly Algorithm[] | undefined
  /** Where roles are: a path by dots, several of them, or a path by its parts. */
  readonly rolesClaim?: string | readonly (string | readonly string[])[] | undefined
  /** Path by dots. */
  readonly tenantClaim?: string | undefined
  readonly jwksUri?: string | undefined
  readonly discoveryUrl?: string | undefined
  readonly allowHttp?: boolean | undefined
  readonly clockToleranceSeconds?: number | undefined
  readonly timeoutMs?: number | undefined
  readonly dpop?: DpopOptions | undefined
  readonly realm?: string | undefined
  readonly fetch?: Fetch | undefined
  readonly nowMs?: (() => number) | undefined
}

/** The same for a middleware. */
export type RequireOptions = AccessTokenOptions & {
  /** Sees every refusal, for the log. */
  readonly onRefused?: ((error: AccessTokenError, req: IncomingMessage) => void) | undefined
}
