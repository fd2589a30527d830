import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { CryptoKey, JWK } from 'jose'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'

type Json = Record<string, unknown>

export const audience = 'https://orders.example'

/** Base64url of a value as JSON, or of a text as it is. */
export const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const newKey = async (kid: string, alg: string) => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
  return { kid, alg, privateKey, publicKey, jwk }
}

export type TestKey = Awaited<ReturnType<typeof newKey>>

const keys = [await newKey('rsa', 'RS256'), await newKey('ec', 'ES256')] as const

/** A key that no issuer publishes. */
export const strangersKey = await newKey('rsa', 'RS256')

export const [rsaKey, ecKey] = keys

/** An issuer that publishes keys and counts who asks; what it answers can be changed. */
export const startTokenIssuer = async (t: TestContext) => {
  const state = {
    issuer: '',
    requests: [] as string[],
    jwks: { keys: keys.map(({ jwk }) => jwk as unknown) } as unknown,
    metadata: (own: Json): unknown => own,
    /** Answers instead; true when it did. */
    intercept: (_path: string, _res: ServerResponse): boolean => false,
  }
  const answer = (req: IncomingMessage, res: ServerResponse) => {
    const path = req.url ?? ''
    state.requests.push(path)
    if (state.intercept(path, res)) return
    const { issuer } = state
    const body =
      path === '/jwks' ? state.jwks : state.metadata({ issuer, jwks_uri: `${issuer}/jwks` })
    const known = ['/jwks', '/.well-known/openid-configuration'].includes(path)
    res.writeHead(known ? 200 : 404, { 'Content-Type': 'application/json' })
    res.end(JSON.stringify(known ? body : {}))
  }
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an address of this shape.
  state.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return state
}

export type TokenIssuer = Awaited<ReturnType<typeof startTokenIssuer>>

/** The claims of RFC 9068 section 2.2, with others over them; undefined takes one away. */
export const claimsOf = (issuer: string, over: Json = {}): Json => {
  const now = Math.floor(Date.now() / 1_000)
  const own = {
    iss: issuer,
    aud: audience,
    sub: 'ada',
    client_id: 'bff',
    iat: now,
    exp: now + 300,
    jti: 'token-1',
    scope: 'orders:read orders:write',
    roles: ['orders-read'],
    tenant: 'acme',
    ...over,
  }
  return Object.fromEntries(Object.entries<unknown>(own).filter(([, value]) => value !== undefined))
}

export type Minted = { claims?: Json; header?: Json; key?: TestKey }

/** A token of this issuer, bent as a test wants it. */
export const mint = async (
  issuer: string,
  { claims = {}, header = {}, key = rsaKey }: Minted = {},
): Promise<string> => {
  const own = { typ: 'at+jwt', alg: key.alg, kid: key.kid, ...header }
  const left = Object.entries<unknown>(own).filter(([, value]) => value !== undefined)
  return await signed(claimsOf(issuer, claims), Object.fromEntries(left), key.privateKey)
}

/** Signed over any header, an invalid one too: jose's own builder would refuse some. */
export const signed = async (claims: Json, header: Json, key: CryptoKey): Promise<string> => {
  const { alg } = header
  if (!('crit' in header) && !('b64' in header) && typeof alg === 'string')
    return await new SignJWT(claims).setProtectedHeader({ ...header, alg }).sign(key)
  return await signedText(`${part(header)}.${part(claims)}`, key)
}

/** RS256 over whatever the text is. */
export const signedText = async (text: string, key: CryptoKey): Promise<string> => {
  const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, Buffer.from(text))
  return `${text}.${Buffer.from(signature).toString('base64url')}`
}
