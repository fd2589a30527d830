import type { CustomFetch, Configuration, ServerMetadata } from 'openid-client'
import * as client from 'openid-client'
import type { Clock } from '../core/clock.ts'
import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { singleFlight } from '../core/single-flight.ts'
import type { Tenant } from '../config/config.ts'
import { profiles } from '../core/profiles.ts'
import { clientAuthsOf } from './client-auth.ts'
import type { AsClient, SecretInUse } from './either-secret.ts'
import { eitherSecret } from './either-secret.ts'
import { endSessionAddress } from './end-session.ts'
import { configurationFor, metadataIssuer } from './issuer-template.ts'
import { saneTokenAnswers } from './sane-token-answers.ts'
import type { Signatures, VerifySignature } from './signature-check.ts'
import { signaturesOf } from './signature-check.ts'
import type { UserInfo } from './userinfo.ts'
import { userInfo } from './userinfo.ts'

export type IssuersDeps = {
  readonly clock: Clock
  readonly fetch: CustomFetch
  readonly log: Log
}

/** Who may wait how long for a grant; callers stop waiting sooner (OIDC_TIMEOUT_MS), the grant's answer is kept. */
const grantTimeoutSeconds = 60
const metadataLifeMs = 3_600_000
const retryAfterFailureMs = 1_000

export type IssuerStatus = 'not_asked_yet' | 'ok' | 'unreachable'

export type Issuers = {
  /** The tenant's provider as its metadata describes it; throws BrokerError `idp_unavailable`. */
  readonly metAt: (tenant: Tenant) => Promise<MetIssuer>
  readonly status: (tenant: Tenant) => IssuerStatus
  /** Where a browser may be sent: the issuer's origin, and its logout's once that is known. */
  readonly origins: (tenant: Tenant) => readonly string[]
}

export type MetIssuer = Signatures & {
  /** openid-client's view; it does not check the signature of an ID token. */
  readonly configuration: Configuration
  /** A call that needs the client's proof of itself. */
  readonly asClient: AsClient
  /** Undefined where the provider has no UserInfo endpoint. */
  readonly userInfo?: ((accessToken: string, sub: string) => Promise<UserInfo>) | undefined
}

type Known = MetIssuer & { readonly readAtMs: number }

/**
 * The providers' metadata: read when first needed, kept for an hour, and kept longer while the provider is away.
 * A broker starts, and keeps its sessions, without any provider.
 */
export const issuers = (deps: IssuersDeps): Issuers => {
  const known = new Map<string, Known>()
  const failedAtMs = new Map<string, number>()
  const secretsInUse = new Map<string, SecretInUse>()
  const flight = singleFlight<MetIssuer>()

  const refresh = (tenant: Tenant) =>
    flight(tenant.id, async () => {
      try {
        const inUse = secretsInUse.get(tenant.id) ?? { index: 0 }
        secretsInUse.set(tenant.id, inUse)
        const met = {
          ...(await discover(tenant, deps, inUse, known.get(tenant.id))),
          readAtMs: deps.clock.nowMs(),
        }
        known.set(tenant.id, met)
        failedAtMs.delete(tenant.id)
        return met
      } catch (cause) {
        failedAtMs.set(tenant.id, deps.clock.nowMs())
        deps.log.warn(notRead(tenant, cause), 'provider metadata not read')
        throw new BrokerError('idp_unavailable', { cause, retryAfterSeconds: 5 })
      }
    })

  return {
    metAt: (tenant) => {
      const current = known.get(tenant.id)
      if (current === undefined) return refresh(tenant)
      const nowMs = deps.clock.nowMs()
      const old = nowMs - current.readAtMs > metadataLifeMs
      const spared = nowMs - (failedAtMs.get(tenant.id) ?? -Infinity) < retryAfterFailureMs
      if (old && !spared) refresh(tenant).catch(() => undefined)
      return Promise.resolve(current)
    },
    origins: (tenant) => originsOf(tenant, known.get(tenant.id)?.configuration),
    status: (tenant) => {
      if (failedAtMs.has(tenant.id)) return 'unreachable'
      return known.has(tenant.id) ? 'ok' : 'not_asked_yet'
    },
  }
}

/** openid-client hands on the answer that it did not like, of whichever fetch; its own words do not name the status. */
const notRead = (tenant: Tenant, err: unknown) => {
  const answer: unknown = err instanceof Error ? err.cause : undefined
  const status: unknown = Reflect.get(Object(answer) as object, 'status')
  const { issuer } = tenant
  return {
    err,
    issuer,
    address: metadataUrl(tenant).href,
    ...(typeof status === 'number' && { status }),
  }
}

const originsOf = (tenant: Tenant, configuration: Configuration | undefined): string[] => {
  const logout = configuration && endSessionAddress(configuration, tenant.profile)
  const addresses = logout === undefined ? [tenant.issuer] : [tenant.issuer, logout]
  return [...new Set(addresses.map((address) => new URL(address).origin))]
}

const discover = async (
  tenant: Tenant,
  { fetch, clock }: IssuersDeps,
  inUse: SecretInUse,
  before: MetIssuer | undefined,
): Promise<MetIssuer> => {
  const insecure = new URL(tenant.discoveryUrl ?? tenant.issuer).protocol === 'http:'
  const found = await client.discovery(metadataUrl(tenant), tenant.clientId, undefined, undefined, {
    [client.customFetch]: fetch,
    timeout: tenant.timeoutMs / 1_000,

    execute: insecure ? [allowLoopbackHttp] : [],
  })
  const metadata = found.serverMetadata()
  requireIssuer(metadata, tenant)
  requireEndpoints(metadata, insecure ? ['https:', 'http:'] : ['https:'])
  const algorithm = pinnedAlgorithm(metadata)
  const configured = await configurationsOf(metadata, tenant, algorithm)
  for (const configuration of configured) {
    configuration[client.customFetch] = saneTokenAnswers(fetch)
    configuration.timeout = grantTimeoutSeconds
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    if (insecure) allowLoopbackHttp(configuration)
  }
  const keysNameIssuer = metadata.issuer !== tenant.issuer
  const jwksUri = metadata.jwks_uri ?? ''
  const keys = { jwksUri, algorithm, fetch, timeoutMs: tenant.timeoutMs, clock, keysNameIssuer }
  const signatures = signaturesOf(keys, before)
  return {
    ...signatures,
    configuration: configured[0],
    asClient: eitherSecret(configured, inUse),
    userInfo: userInfoOf(metadata, tenant, { fetch, verifySignature: signatures.verifySignature }),
  }
}

/** One for each proof of the client, the first at hand first. */
const configurationsOf = async (
  metadata: Readonly<ServerMetadata>,
  tenant: Tenant,
  algorithm: string,
): Promise<readonly [Configuration, ...Configuration[]]> => {
  const settings = { id_token_signed_response_alg: algorithm }
  const auths = await clientAuthsOf(tenant.clientAuth, profiles[tenant.profile].clientAssertion)
  const [first, ...others] = await Promise.all(
    auths.map((auth) => configurationFor(metadata, tenant.clientId, settings, auth)),
  )
  if (first === undefined) throw new RangeError('the client has no proof of itself')
  return [first, ...others]
}

const longestUserInfoMs = 3_000

const userInfoOf = (
  { userinfo_endpoint: endpoint }: Readonly<ServerMetadata>,
  { issuer, clientId, timeoutMs, profile }: Tenant,
  parts: { readonly fetch: CustomFetch; readonly verifySignature: VerifySignature },
): MetIssuer['userInfo'] => {
  if (endpoint === undefined || !profiles[profile].userInfo) return undefined
  const asked = { ...parts, endpoint, issuer, clientId }
  const source = { ...asked, timeoutMs: Math.min(timeoutMs, longestUserInfoMs) }
  return (accessToken, sub) => userInfo(source, accessToken, sub)
}

/** Development only: the settings refuse an http issuer that is not on loopback. */
// eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so only to make it stand out
const allowLoopbackHttp = client.allowInsecureRequests

/** The whole metadata address, so that openid-client does not compare issuers after normalising them. */
const wellKnown = '/.well-known/'

/** OpenID Connect Discovery 1.0 section 4; of an internal address too, which may be the issuer's as well as the metadata's. */
const metadataUrl = ({ issuer, discoveryUrl = issuer }: Tenant): URL =>
  new URL(
    discoveryUrl.includes(wellKnown)
      ? discoveryUrl
      : `${discoveryUrl.replace(/\/$/, '')}${wellKnown}openid-configuration`,
  )

/** Metadata of another issuer would let it speak for ours. OpenID Connect Discovery 1.0 section 4.3: identical. */
const requireIssuer = (metadata: Readonly<ServerMetadata>, tenant: Tenant): void => {
  const expected = metadataIssuer(tenant)
  if (metadata.issuer !== expected)
    throw new Error(`metadata is of issuer ${metadata.issuer}, not of ${expected}`)
}

const neededEndpoints = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const
const usedEndpoints = [
  'revocation_endpoint',
  'end_session_endpoint',
  'userinfo_endpoint',
  'introspection_endpoint',
] as const

/** Half a provider is none, and a browser is never sent to anything but a web address. */
const requireEndpoints = (
  metadata: Readonly<ServerMetadata>,
  protocols: readonly string[],
): void => {
  const offered = usedEndpoints.filter((name) => metadata[name] !== undefined)
  for (const name of [...neededEndpoints, ...offered]) {
    const address = metadata[name] ?? ''
    if (!URL.canParse(address) || !protocols.includes(new URL(address).protocol))
      throw new Error(`metadata has no usable ${name}`)
  }
}

const asymmetricAlgorithms = [
  'RS256',
  'PS256',
  'ES256',
  'EdDSA',
  'Ed25519',
  'RS384',
  'PS384',
  'ES384',
  'RS512',
  'PS512',
  'ES512',
]

/**
 * The one algorithm ID tokens may be signed with: RS256 where the provider lists it (OpenID Connect Core 1.0 section
 * 3.1.3.7, item 7). Unpinned, `none` passes where it is listed, and HS256 under a public key is a forgery.
 */
const pinnedAlgorithm = (metadata: Readonly<ServerMetadata>): string => {
  const listed = metadata.id_token_signing_alg_values_supported ?? ['RS256']
  const pinned = asymmetricAlgorithms.find((algorithm) => listed.includes(algorithm))
  if (pinned === undefined) throw new Error('the provider signs ID tokens with no asymmetric key')
  return pinned
}
