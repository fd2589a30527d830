import type { Issuer, Sid, Sub, TenantId } from './ids.ts'

/** Who is signed in, from the validated ID token. */
export type Principal = {
  readonly issuer: Issuer
  readonly sub: Sub
  readonly sid?: Sid | undefined
  readonly tenant: TenantId
  readonly roles: readonly string[]
  /** The claims that /session may show; never a token. */
  readonly claims: Readonly<Record<string, unknown>>
  /** The claims that headers for upstreams are made of; not shown by /session. */
  readonly headerClaims?: Readonly<Record<string, unknown>> | undefined
  readonly acr?: string | undefined
  readonly authTimeSeconds?: number | undefined
}
