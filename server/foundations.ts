import type { ReadyConfig } from './config/ready-config.ts'
import type { Clock } from './core/clock.ts'
import { cookieNames } from './core/cookies.ts'
import type { TenantId } from './core/ids.ts'
import type { Log } from './core/log.ts'
import type { Random } from './core/random.ts'
import { pendingWork } from './core/single-flight.ts'
import { browserCookies } from './http/browser-cookies.ts'
import { keyedHash } from './http/keyed-hash.ts'
import { replies } from './http/reply.ts'
import { isIssuerOf } from './oidc/issuer-template.ts'
import { issuers } from './oidc/issuers.ts'
import { isLeftOut } from './oidc/may-log-in.ts'
import type { ProviderFetch } from './oidc/provider-fetch.ts'
import { provider } from './oidc/provider.ts'
import type { Backend } from './session/backend.ts'
import { wantedClaims } from './oidc/userinfo.ts'
import type { Records } from './session/records.ts'
import { records } from './session/records.ts'
import type { Sealer } from './session/seal.ts'
import { sealer } from './session/seal.ts'
import { signOut } from './session/sign-out.ts'

/** Everything from outside the process that the rooms may use. */
export type Powers = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly backend: Backend
  readonly providerFetch: ProviderFetch
  readonly draining: () => boolean
  readonly streaming: Streaming
  /** Sessions of a tenant that were created before this are over, whatever the store says. */
  readonly overBeforeMs?: (tenant: TenantId) => number | undefined
}

/** Times and numbers of long-lived connections. */
export type Streaming = {
  /** Sessions with open streams are looked at this often at least: news of their end can get lost. */
  readonly lookAgainMs: number
  /** Below the 55 s after which a PaaS router takes a silent stream for dead. */
  readonly eventQuietMs: number
  readonly webSockets: { readonly perProcess: number; readonly perSession: number }
}

export const usualStreaming: Streaming = {
  lookAgainMs: 30_000,
  eventQuietMs: 25_000,
  webSockets: { perProcess: 10_000, perSession: 100 },
}

export type Parts = ReturnType<typeof foundations>

/** The foundations, furnished once and shared by all rooms. */
export const foundations = (config: ReadyConfig, powers: Powers) => {
  const { clock, log, backend } = powers
  const { session, tenant, secure, origin, base = '' } = config
  const seal = sealer(session.keys, powers.random)
  const names = cookieNames(secure, base === '' ? undefined : tenant.id)
  const hash = keyedHash(session.secrets)
  const known = issuers({ clock, log, fetch: powers.providerFetch.fetch })
  const claims = wantedClaims(tenant, session.claims, claimsInHeadersOf(config))
  const party = provider(tenant, `${origin}${base}/callback`, {
    issuers: known,
    clock,
    log,
    claims,
  })
  const store = recordsOf(config, powers, seal)
  return {
    base,
    names,
    hash,
    seal,
    provider: party,
    records: store,
    signOut: signOut({
      backend,
      keys: session.keys,
      absoluteSeconds: session.absoluteSeconds,
      log,
      listing: store.listing,
      endRecord: (id) => store.endRecord(id, 'session_revoked'),
    }),
    keep: pendingWork(),
    reply: replies({ secure, realm: 'latchkey', formOrigins: party.origins, base }),
    cookies: browserCookies({ ...session, names, secure, hash, base }),
  }
}

const recordsOf = (
  { session: { idleSeconds, absoluteSeconds }, tenant }: ReadyConfig,
  { backend, log, overBeforeMs }: Powers,
  seal: Sealer,
): Records =>
  records({
    backend,
    sealer: seal,
    life: { idleSeconds, absoluteSeconds },
    log,
    isOurIssuer: (issuer) => isIssuerOf(issuer, tenant),
    isLeftOut:
      tenant.allow === undefined && tenant.tenantClaim === undefined
        ? undefined
        : (principal, idToken) => isLeftOut(principal, idToken, tenant),
    isOver: (createdAtMs) => createdAtMs < (overBeforeMs?.(tenant.id) ?? -Infinity),
  })

const claimsInHeadersOf = ({ routes }: ReadyConfig): string[] =>
  routes
    .flatMap(({ headers = [] }) => headers.flatMap(({ parts }) => parts))
    .flatMap((part) => (typeof part === 'string' ? [] : [part.claim]))
