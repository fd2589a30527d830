import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JWTPayload } from 'jose'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { isOurClient } from './basic-client.ts'
import type { IssuerScript, TokenRequest } from './issuer-script.ts'
import { bodyText, sendJson } from './plain-http.ts'

export type { IssuerScript, TokenRequest }

type Json = Record<string, unknown>

type Code = {
  nonce: string | null
  challenge: string | null
  redirectUri: string | null
  clientId: string
}

export const scriptedClient = { id: 'scripted-client', secret: 'scripted secret/with:marks' }

/** A strict issuer whose every answer a test can bend: rotation with reuse detection, PKCE, Basic client authentication. */
export const startScriptedIssuer = async (port = 0) => {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }
  const codes = new Map<string, Code>()
  /** By token, the client it was given to. */
  const refreshTokens = new Map<string, string>()
  const spentRefreshTokens = new Set<string>()
  const tokenRequests: TokenRequest[] = []
  const revoked: string[] = []
  const revocations: Omit<TokenRequest, 'grantType'>[] = []
  const paths: string[] = []
  const endSessions: URL[] = []
  const script: IssuerScript = {
    accessTokenSeconds: 300,
    nowMs: Date.now,
    idTokenClaims: {},
    alterIdToken: (token) => token,
    alterKeys: (keys) => keys,
    alterTokenAnswer: (answer) => answer,
    interceptToken: () => false,
    interceptRevocation: () => false,
    interceptPublic: () => false,
    userInfo: undefined,
    clientSecrets: [scriptedClient.secret],
    furtherClients: [],
    alterMetadata: (metadata) => metadata,
    alterCallback: (url) => url,
    delayMs: 0,
    subject: 'user-1',
  }
  const state = { issuer: '', jwksRequests: 0, discoveryRequests: 0 }

  const isKnownClient = (authorization: string | undefined): boolean =>
    [scriptedClient.id, ...script.furtherClients].some((id) =>
      isOurClient(authorization, id, script.clientSecrets),
    )

  const sign = (claims: JWTPayload, header: Json = {}, key = privateKey) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header }).sign(key)

  const metadata = (): Json => ({
    issuer: state.issuer,
    authorization_endpoint: `${state.issuer}/authorize`,
    token_endpoint: `${state.issuer}/token`,
    jwks_uri: `${state.issuer}/jwks`,
    ...(script.userInfo !== undefined && { userinfo_endpoint: `${state.issuer}/userinfo` }),
    revocation_endpoint: `${state.issuer}/revoke`,
    end_session_endpoint: `${state.issuer}/logout`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    token_endpoint_auth_methods_supported: ['client_secret_basic'],
  })

  const authorize = (url: URL, res: ServerResponse) => {
    const code = randomUUID()
    const q = url.searchParams
    codes.set(code, {
      nonce: q.get('nonce'),
      challenge: q.get('code_challenge'),
      redirectUri: q.get('redirect_uri'),
      clientId: q.get('client_id') ?? '',
    })
    const back = new URL(q.get('redirect_uri') ?? '')
    back.searchParams.set('code', code)
    back.searchParams.set('state', q.get('state') ?? '')
    back.searchParams.set('iss', state.issuer)
    res.writeHead(303, { Location: script.alterCallback(back).href }).end()
  }

  const idToken = async (nonce: string | null, accessToken: string, clientId: string) => {
    const now = Math.floor(script.nowMs() / 1_000)
    const half = createHash('sha256').update(accessToken).digest().subarray(0, 16)
    const claims = {
      iss: state.issuer,
      sub: script.subject,
      aud: clientId,
      iat: now,
      exp: now + 300,
      sid: 'op-session-1',
      name: 'Ada Example',
      email: 'ada@example.test',
      roles: ['orders-read'],
      at_hash: half.toString('base64url'),
      ...(nonce !== null && { nonce }),
      ...script.idTokenClaims,
    }
    const kept = Object.fromEntries(
      Object.entries<unknown>(claims).filter(([, v]) => v !== undefined),
    )
    return await script.alterIdToken(await sign(kept))
  }

  const tokens = async (grantType: string, nonce: string | null, clientId: string) => {
    const accessToken = `at-${randomUUID()}`
    const refreshToken = `rt-${randomUUID()}`
    refreshTokens.set(refreshToken, clientId)
    return script.alterTokenAnswer(
      {
        access_token: accessToken,
        token_type: 'Bearer',
        expires_in: script.accessTokenSeconds,
        refresh_token: refreshToken,
        id_token: await idToken(nonce, accessToken, clientId),
        scope: 'openid profile email',
      },
      grantType,
    )
  }

  const refusal = { error: 'invalid_grant', error_description: '<script>alert(1)</script>' }

  const codeGrant = async (parameters: URLSearchParams): Promise<Json | undefined> => {
    const code = codes.get(parameters.get('code') ?? '')
    codes.delete(parameters.get('code') ?? '')
    const verifier = parameters.get('code_verifier') ?? ''
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    if (code === undefined || code.challenge !== challenge) return undefined
    if (code.redirectUri !== parameters.get('redirect_uri')) return undefined
    return await tokens('authorization_code', code.nonce, code.clientId)
  }

  const refreshGrant = async (parameters: URLSearchParams): Promise<Json | undefined> => {
    const given = parameters.get('refresh_token') ?? ''
    if (spentRefreshTokens.has(given)) refreshTokens.clear()
    const clientId = refreshTokens.get(given)
    if (clientId === undefined) return undefined
    refreshTokens.delete(given)
    spentRefreshTokens.add(given)
    return await tokens('refresh_token', null, clientId)
  }

  const token = async (req: IncomingMessage, res: ServerResponse) => {
    const parameters = new URLSearchParams(await bodyText(req))
    const grantType = parameters.get('grant_type') ?? ''
    const { authorization } = req.headers
    tokenRequests.push({ grantType, parameters, authorization })
    if (script.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, script.delayMs))
    if (await script.interceptToken({ grantType, parameters, authorization }, res)) return
    if (!isKnownClient(authorization)) return sendJson(res, 401, { error: 'invalid_client' })
    const answer =
      grantType === 'refresh_token' ? await refreshGrant(parameters) : await codeGrant(parameters)
    if (answer === undefined) sendJson(res, 400, refusal)
    else sendJson(res, 200, answer)
  }

  const route = async (req: IncomingMessage, res: ServerResponse) => {
    const url = new URL(req.url ?? '/', state.issuer)
    paths.push(url.pathname)
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        state.discoveryRequests += 1
        if (script.interceptPublic(url.pathname, res)) return
        return sendJson(res, 200, script.alterMetadata(metadata()))
      case '/jwks':
        state.jwksRequests += 1
        if (script.interceptPublic(url.pathname, res)) return
        return sendJson(res, 200, { keys: script.alterKeys([jwk]) })
      case '/userinfo':
        script.userInfo?.(req, res)
        return
      case '/authorize':
        return authorize(url, res)
      case '/token':
        return await token(req, res)
      case '/revoke': {
        const parameters = new URLSearchParams(await bodyText(req))
        const { authorization } = req.headers
        revocations.push({ parameters, authorization })
        const known = isKnownClient(authorization)
        if (known) revoked.push(parameters.get('token') ?? '')
        if (script.interceptRevocation(res)) return
        return sendJson(res, known ? 200 : 401, known ? {} : { error: 'invalid_client' })
      }
      case '/logout': {
        endSessions.push(url)
        const back = new URL(url.searchParams.get('post_logout_redirect_uri') ?? '')
        back.searchParams.set('state', url.searchParams.get('state') ?? '')
        return void res.writeHead(303, { Location: back.href }).end()
      }
      default:
        return sendJson(res, 404, { error: 'not_found' })
    }
  }

  const server = createServer((req, res) => {
    route(req, res).catch((error: unknown) => {
      res.destroy(error instanceof Error ? error : undefined)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  // A listening TCP server has an address of this shape.
  state.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    issuer: state.issuer,
    script,
    state,
    sign,
    publicJwk: jwk,
    privateKey,
    tokenRequests,
    revoked,
    /** Every revocation request; `revoked` has their tokens alone. */
    revocations,
    /** Every path that was asked for. */
    paths,
    endSessions,
    /** Grants of one kind that were asked for. */
    grants: (type: string) => tokenRequests.filter(({ grantType }) => grantType === type).length,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

export type ScriptedIssuer = Awaited<ReturnType<typeof startScriptedIssuer>>
