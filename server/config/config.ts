import type { JsonObject } from '../core/json-object.ts'
import type { Issuer, TenantId } from '../core/ids.ts'
import type { ProfileName } from '../core/profiles.ts'
import type { Secret } from '../core/secret.ts'

/** A client's way to prove itself at the token endpoint. */
export type ClientAuth =
  | {
      readonly method: 'client_secret_basic' | 'client_secret_post'
      readonly secret: Secret
      /** The other one during a rotation: whichever the provider takes. */
      readonly nextSecret?: Secret | undefined
    }
  | { readonly method: 'private_key_jwt'; readonly keys: Secret<readonly JsonObject[]> }
  | { readonly method: 'none' }

/** Whom the provider's word on one claim lets in. Domains and `tid` in lower case. */
export type AllowRule = {
  readonly kind: 'domain' | 'group' | 'role' | 'tid'
  readonly value: string
}

/** One tenant's provider, and how we are registered there. */
export type Tenant = {
  readonly id: TenantId
  readonly issuer: Issuer
  /** Where the metadata is read, when not under the issuer. */
  readonly discoveryUrl?: string | undefined
  readonly profile: ProfileName
  readonly clientId: string
  readonly clientAuth: ClientAuth
  readonly scope: string
  readonly resource?: string | undefined
  readonly audience?: string | undefined
  readonly authParams: Readonly<Record<string, string>>
  /** Path into the ID token's claims, by dots, such as `realm_access.roles`. */
  readonly rolesClaim: string
  /** Further paths whose roles are added, each by its parts: the id of a client may have dots. */
  readonly furtherRoles?: readonly (readonly string[])[] | undefined
  /** Which tenants may log in at an issuer that many share, as GUIDs; undefined: the issuer is one tenant's. */
  readonly allowedTids?: readonly string[] | undefined
  /** Who may log in: whoever meets one of them; undefined: everyone the provider lets in. */
  readonly allow?: readonly AllowRule[] | undefined
  readonly responseMode: 'query' | 'form_post'
  /** What a front-channel logout names its session by; undefined: there is none. */
  readonly frontchannel?: 'iss_and_sid' | 'sid_alone' | undefined
  readonly logoutHint: 'id_token' | 'off'
  readonly logoutTyp: 'compat' | 'strict'
  /** Who waits for the provider, waits this long at most. */
  readonly timeoutMs: number
  /** How long the provider takes a rotated refresh token once more. */
  readonly refreshLeewaySeconds: number
  /** Its own hosts on BASE_URL's scheme and port, as browsers send them. */
  readonly hosts?: readonly string[] | undefined
  /** Where it is on BASE_URL's host, such as `/t/acme`. */
  readonly pathPrefix?: string | undefined
  /** What tells its people from others at an issuer that several tenants share; undefined: the issuer is this tenant's. */
  readonly tenantClaim?: TenantClaim | undefined
  /** Undefined: as for everybody. */
  readonly session?: SessionLife | undefined
}

/** A claim that must hold one of a few texts. */
export type TenantClaim = { readonly path: string; readonly values: readonly string[] }

export type SessionLife = { readonly idleSeconds: number; readonly absoluteSeconds: number }

/** A header for the upstream, made of texts and claims of the session. */
export type ClaimHeader = {
  /** In lower case. */
  readonly name: string
  readonly parts: readonly (string | { readonly claim: string })[]
}

/** Who may use a route; what is not there is no rule. */
export type Requirement = {
  readonly roles?: RoleRules | undefined
  /** All of them, of the token that goes along. */
  readonly scopes?: readonly string[] | undefined
  /** One of them. */
  readonly acr?: readonly string[] | undefined
  readonly maxAgeSeconds?: number | undefined
}

export type RoleRules = {
  readonly any?: readonly string[] | undefined
  readonly all?: readonly string[] | undefined
  /** As `any`, for safe methods. */
  readonly read?: readonly string[] | undefined
  /** As `any`, for unsafe ones. */
  readonly write?: readonly string[] | undefined
}

/** Whose token goes along: the user's own, one exchanged for it, the client's, or none. */
export type TokenKind = 'user' | 'optional' | 'service' | 'exchange' | 'none'

/** What a route asks of a token: whose, for whom. */
export type Route = {
  /** Canonical prefix, matched by whole segments; longest wins. */
  readonly path: string
  /** Whose users may call it; undefined: every tenant's. */
  readonly tenants?: readonly TenantId[] | undefined
  readonly methods?: readonly string[] | undefined
  /** Origins, no path. */
  readonly upstreams: readonly string[]
  readonly stripPrefix: string
  readonly token: TokenKind
  readonly public: boolean
  readonly audience?: string | undefined
  readonly resource?: string | undefined
  readonly scope?: string | undefined
  readonly require?: Requirement | undefined
  /** Whether the token is checked here as well as in the service. */
  readonly verifyToken?: boolean | undefined
  readonly csrf: boolean
  /** Foreign origins that may call, exact. */
  readonly cors: readonly string[]
  readonly pass: {
    readonly setCookie: boolean
    /** Names of the browser's cookies that go to the upstream. */
    readonly cookies: readonly string[]
    readonly cache: boolean
    readonly html: boolean
    readonly wwwAuthenticate: boolean
  }
  readonly timeoutMs: {
    readonly connect: number
    readonly firstByte: number
    readonly idle: number
  }
  /** How often an idempotent request is sent again after its connection failed. */
  readonly retryIdempotent: number
  readonly bodyLimitBytes: number
  /** How much may be asked of the route; undefined: as much as comes. */
  readonly limits?:
    | {
        /** Calls in flight. */
        readonly concurrent?: number | undefined
        /** Calls of one session within a time. */
        readonly rate?: { readonly calls: number; readonly seconds: number } | undefined
      }
    | undefined
  readonly headers?: readonly ClaimHeader[] | undefined
  /** The certificates that vouch for the upstream, as PEM; undefined: the system's. */
  readonly tls?: { readonly ca: string } | undefined
  readonly websocket: boolean
}

export type SessionKey = { readonly kid: string; readonly key: Secret<Buffer> }

export type SessionSettings = SessionLife & {
  /** Cookie-signing secrets, newest first; at least one. */
  readonly secrets: readonly Secret[]
  /** Sealing keys of 32 bytes, newest first; at least one. */
  readonly keys: readonly SessionKey[]
  readonly sameSite: 'strict' | 'lax'
  /** Which claims /session shows besides sub, name and email. */
  readonly claims: readonly string[]
}

export type RedisSettings = {
  readonly nodes: Secret<readonly string[]>
  readonly sentinel?: { readonly name: string } | undefined
  readonly prefix: string
  readonly ca?: string | undefined
  readonly tlsVerify: boolean
}

export type LogSettings = {
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  readonly format: 'json' | 'logfmt' | 'pretty'
}

/** Everything the broker is told at start; nothing is read from the environment after it. */
export type Config = {
  readonly production: boolean
  readonly port: number
  /** undefined: all interfaces. */
  readonly host?: string | undefined
  /** BASE_URL's origin, such as `https://app.example`; every absolute URL starts with it. */
  readonly origin: string
  /** Whether `origin` is https: then cookies are Secure and carry the `__Host-Http-` prefix. */
  readonly secure: boolean
  /** The default tenant, at `origin`; undefined with no other: the embedded demo provider stands in (development only). */
  readonly tenant?: Tenant | undefined
  /** The further ones, each at hosts or under a prefix of its own. */
  readonly tenants?: readonly Tenant[] | undefined
  readonly session: SessionSettings
  /** undefined: the in-process store (development only). */
  readonly redis?: RedisSettings | undefined
  /** Empty with no tenant: the embedded demo API stands in (development only). */
  readonly routes: readonly Route[]
  readonly spa: { readonly dir: string } | { readonly origin: string }
  readonly csp?: string | undefined
  /** Hop count or CIDR list of proxies whose X-Forwarded-For is believed. */
  readonly trustProxy: number | readonly string[]
  readonly refreshAheadSeconds: number
  readonly shutdownSeconds: number
  /** What a proxy shows at `/forward-auth`; undefined: nobody may ask. */
  readonly forwardAuthSecret?: Secret | undefined
  /** Processes that serve; more than one share the port, and nothing but Redis besides. */
  readonly workers: number
  readonly log: LogSettings
}
