import type { ReadyConfig } from './config/ready-config.ts'
import type { Parts as Foundations, Powers } from './foundations.ts'
import { monotonicMs } from './core/clock.ts'
import type { Route } from './config/config.ts'
import { profiles } from './core/profiles.ts'
import { tokenKey } from './core/token-set.ts'
import { routePolicy } from './policy/route-policy.ts'
import { clientAddress } from './proxy/client-address.ts'
import { forward } from './proxy/forward.ts'
import type { HotPathDeps } from './proxy/hot-path.ts'
import { judge, judgeUpgrade } from './proxy/judge.ts'
import type { routeLimits } from './proxy/limits.ts'
import type { OpenStreams } from './proxy/open-streams.ts'
import { openStreams } from './proxy/open-streams.ts'
import type { RouteTable } from './proxy/route-table.ts'
import type { WantOf } from './proxy/token-want.ts'
import { tokenWants } from './proxy/token-want.ts'
import type { Tunnels } from './proxy/tunnel.ts'
import { tunnels } from './proxy/tunnel.ts'
import type { Upstreams } from './proxy/upstreams.ts'
import type { FreshTokens } from './session/fresh-tokens.ts'
import { sessionCache } from './session/session-cache.ts'
import { sessionCookieReader } from './session/session-cookie.ts'
import { askStepUp } from './step-up/ask-step-up.ts'
import type { StepUpHandles } from './step-up/handles.ts'
import type { LiveSession } from './session/records.ts'
import { pinned } from './token-validation/algorithms.ts'
import { boundedJson } from './oidc/bounded-json.ts'
import { remoteKeys } from './oidc/remote-keys.ts'
import { verifiedToken } from './token-validation/verified-token.ts'
import type { TokenVault } from './vault/vault.ts'
import { tokenRoom } from './wire-tokens.ts'

/** Looks that nobody waits for are taken together. */
const gatherMs = 25

export type Parts = Foundations & {
  readonly vault: TokenVault
  readonly stepUps: StepUpHandles
}

/** What all tenants have in common, made once. */
export type Shared = Streaming & {
  readonly upstream: Upstreams
  readonly limit: ReturnType<typeof routeLimits>
  readonly routes: RouteTable
  /** What this deployment calls itself in `Via`. */
  readonly pseudonym: string
  /** How much of opened sessions is held at each place. */
  readonly cacheBytes: number
}

export type ProxyParts = Parts & Shared

export type Streaming = { readonly tunnels: Tunnels; readonly streams: OpenStreams }

/** What is being streamed, with a look into the store past every cache that slides nothing. */
export const streamRoom = ({ log, random, backend, streaming }: Powers): Streaming => {
  const streams = openStreams({
    log,
    look: (id) => backend.read(id),
    onChange: backend.onChange,
    lookAgainMs: streaming.lookAgainMs,
  })
  return { streams, tunnels: tunnels({ random, streams, cap: streaming.webSockets }) }
}

const heldSessions = (
  { session }: ReadyConfig,
  { clock, backend }: Powers,
  { records, cacheBytes }: ProxyParts,
) =>
  sessionCache({
    clock,
    monotonicMs,
    read: (id) => records.read(id, true),
    readAgain: records.readAgain,
    soon: (run) => void setTimeout(run, gatherMs).unref(),
    onChange: (listener) => {
      backend.onChange(listener)
      backend.onOwnWrite(listener)
    },
    heardUntilMs: backend.heardUntilMs,
    idleSeconds: session.idleSeconds,
    mostBytes: cacheBytes,
  })

/** The hot path with everything a call needs on its way; the rooms of tokens and of refreshes behind it. */
export const proxyRoom = (config: ReadyConfig, powers: Powers, parts: ProxyParts): HotPathDeps => {
  const tokens = tokenRoom(config, powers, parts)
  const wantOf = tokenWants(config.tenant)
  const deps = {
    origin: config.origin,
    tenant: config.tenant.id,
    hash: parts.hash,
    readCookie: sessionCookieReader(parts.names.session, config.session.secrets),
    readSession: heldSessions(config, powers, parts),
    wantOf,
    freshToken: tokens.fresh,
    insteadToken: tokens.instead,
    ...policyRoom(config, powers, { ...parts, tokens, wantOf }),
    limit: parts.limit,
  }
  const verified = tokenCheckRoom(config, powers, parts)
  return {
    log: powers.log,
    reply: parts.reply,
    origin: config.origin,
    base: parts.base,
    othersBases: config.othersBases,
    own: {
      host: new URL(config.origin).host,
      proto: config.secure ? 'https' : 'http',
      pseudonym: parts.pseudonym,
    },
    clientAddress: clientAddress(config.trustProxy),
    newTraceparent: () => `00-${powers.random.digits(32)}-${powers.random.digits(16)}-00`,
    judge: verified(judge(deps)),
    judgeUpgrade: verified(judgeUpgrade(deps)),
    forward: forward({ upstreams: parts.upstream }),
    upstreams: parts.upstream,
    tunnels: parts.tunnels,
    streams: parts.streams,
    eventQuietMs: powers.streaming.eventQuietMs,
  }
}

/** What judges a call, with the check of its token after all else where the route asks for it. */
const tokenCheckRoom = ({ tenant }: ReadyConfig, powers: Powers, { provider }: Parts) => {
  const { clock, log, providerFetch } = powers
  const reading = {
    timeoutMs: tenant.timeoutMs,
    fetch: (url: string, options: Omit<Parameters<typeof providerFetch.fetch>[1], 'body'>) =>
      providerFetch.fetch(url, { ...options, body: undefined }),
  }
  const check = verifiedToken({
    log,
    nowMs: clock.nowMs,
    algorithms: pinned(),
    keys: remoteKeys({
      nowMs: clock.nowMs,
      read: async () => await boundedJson(await provider.jwksUri(), reading),
    }),
    introspect: provider.introspect,
    dialect: profiles[tenant.profile].accessToken,
    audience: tenant.audience ?? tenant.resource,
  })
  return (judged: HotPathDeps['judge']): HotPathDeps['judge'] =>
    (call, route, counted) =>
      route.verifyToken === true
        ? judged(call, route, counted).then((admitted) => check(admitted, route))
        : judged(call, route, counted)
}

/** The rules of routes, and the way to a stronger login. */
const policyRoom = (
  config: ReadyConfig,
  { log, clock }: Powers,
  {
    base,
    vault,
    stepUps,
    tokens,
    wantOf,
  }: Parts & { readonly tokens: FreshTokens; readonly wantOf: WantOf },
) => {
  const { nowMs } = clock
  const ask = askStepUp({ log, nowMs, origin: config.origin, base, keep: stepUps.keep })
  const grantedScope = async (session: LiveSession, route: Route): Promise<string | undefined> => {
    // Where no token goes along, the login's own scopes count.
    const want = wantOf(route) ?? {}
    const known = vault.open(session)?.content.sets[tokenKey(want)]
    return (known ?? (await tokens.fresh(session, want))).scope
  }
  return {
    askStepUp: ask,
    requirePolicy: routePolicy({
      log,
      nowMs,
      tenant: config.tenant.id,
      grantedScope,
      askStepUp: ask,
    }),
  }
}
