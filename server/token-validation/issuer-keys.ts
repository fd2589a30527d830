import { isJsonObject } from '../core/json-object.ts'
import { Unreadable, boundedJson } from '../oidc/bounded-json.ts'
import type { Reading } from '../oidc/bounded-json.ts'
import type { IssuerKeys } from '../oidc/remote-keys.ts'
import { remoteKeys } from '../oidc/remote-keys.ts'

export type IssuerKeysOptions = Reading & {
  readonly issuer: string
  /** Where the keys are; without it the issuer's metadata says. */
  readonly jwksUri?: string | undefined
  /** Where the metadata is, when not under the issuer. */
  readonly discoveryUrl?: string | undefined
  /** On a private network, where nobody can come between. */
  readonly allowHttp?: boolean | undefined
  readonly nowMs: () => number
}

/** The keys of an issuer that is known by name alone; nothing is asked before the first token. Throws for an address that is not https. */
export const issuerKeys = (options: IssuerKeysOptions): IssuerKeys => {
  const { jwksUri, issuer, discoveryUrl } = options
  for (const address of [issuer, jwksUri, discoveryUrl])
    if (address !== undefined) requireSafe(address, options)
  const where = jwksUri === undefined ? discovered(options) : () => Promise.resolve(jwksUri)
  return remoteKeys({
    nowMs: options.nowMs,
    read: async () => await boundedJson(await where(), options),
  })
}

const metadataLifeMs = 3_600_000

/** The address of the keys, from the metadata; asked again after an hour. */
const discovered = (options: IssuerKeysOptions) => {
  let known: { readonly jwksUri: string; readonly atMs: number } | undefined
  return async (): Promise<string> => {
    const now = options.nowMs()
    if (known === undefined || now - known.atMs > metadataLifeMs)
      known = { jwksUri: jwksUriOf(await metadata(options), options), atMs: now }
    return known.jwksUri
  }
}

/** OpenID Connect Discovery 1.0 section 4; for a server of plain OAuth, RFC 8414 section 3. */
const metadata = async (options: IssuerKeysOptions): Promise<unknown> => {
  const { issuer, discoveryUrl } = options
  if (discoveryUrl !== undefined) return await boundedJson(discoveryUrl, options)
  const base = issuer.replace(/\/$/, '')
  try {
    return await boundedJson(`${base}/.well-known/openid-configuration`, options)
  } catch (error) {
    if (!(error instanceof Unreadable) || error.status !== 404) throw error
    const { origin, pathname } = new URL(base)
    const path = pathname === '/' ? '' : pathname
    return await boundedJson(`${origin}/.well-known/oauth-authorization-server${path}`, options)
  }
}

/** Metadata of another issuer would let it speak for ours (mix-up): they have to be identical. */
const jwksUriOf = (document: unknown, options: IssuerKeysOptions): string => {
  if (!isJsonObject(document) || document['issuer'] !== options.issuer)
    throw new TypeError('the metadata is of another issuer')
  const { jwks_uri: jwksUri } = document
  if (typeof jwksUri !== 'string') throw new TypeError('the metadata has no jwks_uri')
  requireSafe(jwksUri, options)
  return jwksUri
}

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]|[^.]+\.localhost)$/

/** Whoever stands between could put keys of his own in their place; loopback has nobody between. */
const requireSafe = (address: string, { allowHttp }: IssuerKeysOptions): void => {
  if (!URL.canParse(address)) throw new TypeError(`${address} is not a URL`)
  const { protocol, hostname } = new URL(address)
  if (
    protocol === 'https:' ||
    (protocol === 'http:' && (allowHttp === true || loopback.test(hostname)))
  )
    return
  throw new TypeError(`${address} is not https`)
}
