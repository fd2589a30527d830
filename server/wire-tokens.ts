import { serviceRecords } from './client-credentials/service-records.ts'
import type { ServiceTokens } from './client-credentials/service-tokens.ts'
import { serviceTokens } from './client-credentials/service-tokens.ts'
import { profiles } from './core/profiles.ts'
import type { ReadyConfig } from './config/ready-config.ts'
import type { Parts as Foundations, Powers } from './foundations.ts'
import { isNoLongerAllowed } from './oidc/may-log-in.ts'
import { hasLeftTenant } from './oidc/tenant-claim.ts'
import { circuitBreaker } from './refresh/circuit-breaker.ts'
import { freshTokens } from './refresh/fresh-token.ts'
import { refreshSession } from './refresh/refresh-session.ts'
import type { TakeTurn } from './refresh/turns.ts'
import { refreshTurns } from './refresh/turns.ts'
import { exchangedTokens } from './token-exchange/exchanged-tokens.ts'
import type { FreshTokens, UserTokens } from './session/fresh-tokens.ts'
import type { TokenVault } from './vault/vault.ts'

export type TokenParts = Foundations & { readonly vault: TokenVault }

/** The tokens that go along with calls, of whatever kind a route wants. */
export const tokenRoom = (config: ReadyConfig, powers: Powers, parts: TokenParts): FreshTokens => {
  const user = userRoom(config, powers, parts)
  const exchange = exchangeRoom(config, powers, { ...parts, user })
  const service = serviceRoom(config, powers, parts)
  const byKind = {
    user,
    exchange,
    // Nothing of the session's goes into it.
    service: {
      fresh: (_session, want) => service.fresh(want),
      instead: (_session, want, rejected) => service.instead(want, rejected),
    },
  } satisfies Record<string, FreshTokens>
  return {
    fresh: (session, want) => byKind[want.kind ?? 'user'].fresh(session, want),
    instead: (session, want, rejected) =>
      byKind[want.kind ?? 'user'].instead(session, want, rejected),
  }
}

/** One holder of this lock at a time, in the whole cluster. */
const turnsOf = ({ clock, log, backend }: Powers, lock: string): TakeTurn =>
  refreshTurns({
    clock,
    log,
    lock: (id, holdMs) => backend.lock(id, lock, holdMs),
    extend: (id, fence, holdMs) => backend.extend(id, lock, fence, holdMs),
    unlock: (id, fence) => backend.unlock(id, lock, fence),
    onChange: backend.onChange,
  })

const userRoom = (config: ReadyConfig, powers: Powers, parts: TokenParts): UserTokens => {
  const { clock, log } = powers
  const shared = {
    clock,
    log,
    aheadSeconds: config.refreshAheadSeconds,
    openVault: parts.vault.open,
  }
  return freshTokens({
    ...shared,
    waitMs: config.tenant.timeoutMs,
    keep: parts.keep.add,
    endSession: ({ id }) => parts.records.end(id, 'session_expired'),
    refresh: refreshSession({
      ...shared,
      keep: parts.keep.add,
      leewaySeconds: config.tenant.refreshLeewaySeconds,
      breaker: circuitBreaker(clock, log),
      readSession: (id) => parts.records.read(id, false),
      saveVault: parts.vault.save,
      takeTurn: turnsOf(powers, 'refresh'),
      grant: (_principal, request) => parts.provider.refresh(request),
      isNoLongerAllowed: (claims, before) =>
        isNoLongerAllowed(claims, config.tenant) || hasLeftTenant(claims, before, config.tenant),
      endSession: parts.records.end,
      revoke: (_principal, token) => parts.provider.revoke(token),
      revokesTheSession: profiles[config.tenant.profile].revokesTheSession,
    }),
  })
}

const exchangeRoom = (
  config: ReadyConfig,
  { clock, log }: Powers,
  parts: TokenParts & { readonly user: UserTokens },
): FreshTokens =>
  exchangedTokens({
    clock,
    log,
    aheadSeconds: config.refreshAheadSeconds,
    waitMs: config.tenant.timeoutMs,
    keep: parts.keep.add,
    readSession: (id) => parts.records.read(id, false),
    openVault: parts.vault.open,
    saveVault: parts.vault.save,
    userTokens: parts.user,
    breaker: circuitBreaker(clock, log),
    grant: (_principal, request) => parts.provider.tokenExchange(request),
  })

const serviceRoom = (config: ReadyConfig, powers: Powers, parts: TokenParts): ServiceTokens => {
  const { clock, log, backend } = powers
  const { id, issuer, clientId, timeoutMs } = config.tenant
  return serviceTokens({
    clock,
    log,
    aheadSeconds: config.refreshAheadSeconds,
    waitMs: timeoutMs,
    grantMs: timeoutMs,
    keep: parts.keep.add,
    records: serviceRecords({
      clock,
      sealer: parts.seal,
      peek: backend.peek,
      put: backend.put,
      client: { tenant: id, issuer, clientId },
    }),
    takeTurn: turnsOf(powers, 'service'),
    grant: parts.provider.clientCredentials,
  })
}
