import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import type { EntraPerson } from './entra-facts.ts'

import type { EntraCertificate } from './entra-keys.ts'
import { isClient, keyNamed } from './entra-keys.ts'
import { entraAnswers, entraClient, groupsOf, mfaClaims, personalTid, resourcesIn, tidA } from './entra-facts.ts' // prettier-ignore
import { appGrant, userTokens } from './entra-app-grants.ts'
import { bodyText, sendJson } from './plain-http.ts'

type Json = Record<string, unknown>
type Code = { person: EntraPerson; sid: string; challenge: string; redirectUri: string; scope: string; nonce: string | undefined } // prettier-ignore
type Grant = Omit<Code, 'challenge' | 'redirectUri' | 'nonce'>
export type EntraTokenRequest = { readonly parameters: URLSearchParams }

/** What a test may change; read at every request. */
export type EntraScript = {
  /** Who is signed in at Microsoft; undefined: nobody. */
  person: EntraPerson | undefined
  alterClaims: (claims: Json) => Json
  /** `personal`: with the key that may sign for personal accounts alone. */
  signer: 'tenants' | 'personal'
  nowMs: () => number
  /** Refuses token requests, by name in entra-facts.ts. */
  refuseWith: keyof typeof entraAnswers | undefined
  /** Does what a refresh asks for, and loses the answer, this many times. */
  loseAnswers: number
  /** Where a front-channel logout goes. */
  frontchannelUrl: string | undefined
  /** What a client may prove itself by, besides its secret. */
  certificates: readonly EntraCertificate[]
}

/**
 * A small server with the documented habits of Microsoft Entra ID, for what a strict issuer would not show. Sources, where no
 * other is named: learn.microsoft.com/entra/identity-platform, by page.
 */
export const startEntra = async (seed = 1) => {
  const grants = new Map<string, Grant>()
  const accessTokens = userTokens()
  const codes = new Map<string, Code>()
  const tokenRequests: EntraTokenRequest[] = []
  const logouts: URL[] = []
  const paths: string[] = []
  const script: EntraScript = {
    person: {
      tid: tidA,
      oid: randomUUID(),
      name: 'Ada Example',
      roles: ['orders-read'],
      groups: 2,
    },
    alterClaims: (claims) => claims,
    signer: 'tenants',
    nowMs: Date.now,
    refuseWith: undefined,
    loseAnswers: 0,
    frontchannelUrl: undefined,
    certificates: [],
  }
  let origin = ''
  let sid = randomUUID()
  let draw = seed

  const issuerOf = (tid: string) => `${origin}/${tid}/v2.0`

  /** access-tokens, "Token lifetime": random, 60 to 90 minutes. */
  const lifeSeconds = () => {
    draw = (draw * 1_103_515_245 + 12_345) % 2_147_483_648
    return 3_600 + (draw % 1_801)
  }

  /** v2-protocols-oidc: no revocation endpoint is listed; the issuer of `common` and `organizations` is a template. */
  const metadata = (segment: string): Json => {
    const tid = ['common', 'organizations'].includes(segment) ? '{tenantid}' : segment
    return {
      issuer: issuerOf(tid === 'consumers' ? personalTid : tid),
      authorization_endpoint: `${origin}/${segment}/oauth2/v2.0/authorize`,
      token_endpoint: `${origin}/${segment}/oauth2/v2.0/token`,
      // At graph.microsoft.com in truth, and for tokens of Microsoft Graph alone: userinfo.
      userinfo_endpoint: `${origin}/graph/oidc/userinfo`,
      jwks_uri: `${origin}/${segment}/discovery/v2.0/keys`,
      end_session_endpoint: `${origin}/${segment}/oauth2/v2.0/logout`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'], // prettier-ignore
      response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      frontchannel_logout_supported: true,
    }
  }

  const authorize = (url: URL, res: ServerResponse) => {
    const q = url.searchParams
    const back = new URL(q.get('redirect_uri') ?? '')
    back.searchParams.set('state', q.get('state') ?? '')
    // v2-oauth2-auth-code-flow, "claims": whoever is asked for the second factor gives it.
    if (q.get('claims') === mfaClaims) script.refuseWith = undefined
    if (script.person === undefined) {
      // v2-oauth2-auth-code-flow, "Error codes for authorization endpoint errors".
      back.searchParams.set('error', 'interaction_required')
      back.searchParams.set('error_description', 'AADSTS50058: A silent sign-in request was sent …')
    } else {
      const code = randomUUID()
      const [challenge, redirectUri, scope] = ['code_challenge', 'redirect_uri', 'scope'].map((name) => q.get(name) ?? '') // prettier-ignore
      codes.set(code, { person: script.person, sid, challenge: challenge ?? '', redirectUri: redirectUri ?? '', scope: scope ?? '', nonce: q.get('nonce') ?? undefined }) // prettier-ignore
      back.searchParams.set('code', code)
    }
    res.writeHead(302, { Location: back.href }).end()
  }

  const keys = {
    tenants: await keyNamed('tenants-key', '{tenantid}'),
    personal: await keyNamed('personal-key', personalTid),
  }

  /** id-token-claims-reference: pairwise `sub`, `oid`, `tid`; no `at_hash` at the token endpoint; a v2.0 header has no `x5t`. */
  const idToken = async ({ person, sid }: Grant, nonce: string | undefined) => {
    const now = Math.floor(script.nowMs() / 1_000)
    const pair = `${entraClient.id} ${person.tid} ${person.oid}`
    const claims: Json = {
      ver: '2.0',
      iss: issuerOf(person.tid),
      sub: createHash('sha256').update(pair).digest('base64url'),
      aud: entraClient.id,
      exp: now + 3_900,
      iat: now,
      nbf: now,
      name: person.name,
      preferred_username: 'ada@contoso.example',
      oid: person.oid,
      tid: person.tid,
      uti: randomUUID(),
      // Optional claims, which the app's registration asks for: optional-claims-reference.
      sid,
      login_hint: `O.${person.oid}`,
      roles: person.roles,
      nonce,
      ...groupsOf(person),
    }
    const { kid, privateKey } = keys[script.signer]
    return await new SignJWT(JSON.parse(JSON.stringify(script.alterClaims(claims))) as Json)
      .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid })
      .sign(privateKey)
  }

  /** refresh-tokens: a new one at each use, and the old one stays good; none without the scope offline_access. */
  const tokens = async (grant: Grant, nonce: string | undefined): Promise<Json> => {
    const refreshToken = `0.${randomUUID()}`
    grants.set(refreshToken, grant)
    const seconds = lifeSeconds()
    const scopes = grant.scope.split(' ')
    return {
      token_type: 'Bearer',
      scope: scopes.filter((scope) => scope !== 'offline_access').join(' '),
      expires_in: seconds,
      ext_expires_in: seconds,
      // Opaque to the client: access-tokens, "Clients use the token but shouldn't … attempt to parse it".
      access_token: accessTokens.issue(grant.scope),
      ...(scopes.includes('offline_access') && { refresh_token: refreshToken }),
      id_token: await idToken(grant, nonce),
    }
  }

  const granted = async (
    parameters: URLSearchParams,
  ): Promise<Json | keyof typeof entraAnswers> => {
    if (script.refuseWith !== undefined) return script.refuseWith
    const scope = parameters.get('scope')
    if (scope === null) return 'noScope'
    if (resourcesIn(scope) > 1) return 'twoResources'
    if (parameters.get('grant_type') === 'refresh_token') {
      const grant = grants.get(parameters.get('refresh_token') ?? '')
      return grant === undefined ? 'spentGrant' : await tokens({ ...grant, scope }, undefined)
    }
    const code = codes.get(parameters.get('code') ?? '')
    codes.delete(parameters.get('code') ?? '')
    const challenge = createHash('sha256').update(parameters.get('code_verifier') ?? '').digest('base64url') // prettier-ignore
    if (code?.challenge !== challenge) return 'spentGrant'
    return await tokens({ person: code.person, sid: code.sid, scope }, code.nonce)
  }

  const token = async (req: IncomingMessage, res: ServerResponse) => {
    const parameters = new URLSearchParams(await bodyText(req))
    tokenRequests.push({ parameters })
    const endpoint = `${origin}${req.url ?? ''}`
    if (!(await isClient(req.headers.authorization, parameters, { ...script, endpoint })))
      return sendJson(res, 401, entraAnswers.wrongSecret)
    const answer = appGrant(parameters, accessTokens, lifeSeconds) ?? (await granted(parameters))
    if (typeof answer === 'string') return sendJson(res, 400, entraAnswers[answer])
    const isLost = parameters.get('grant_type') === 'refresh_token' && script.loseAnswers > 0
    if (!isLost) return sendJson(res, 200, answer)
    script.loseAnswers -= 1
    res.destroy()
  }

  /** v2-protocols-oidc, "Send a sign-out request": without a hint it asks which account; then the other apps are told. */
  const logout = async (url: URL, res: ServerResponse) => {
    logouts.push(url)
    if (!url.searchParams.has('logout_hint'))
      return void res.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>Pick an account</p>')
    // With `sid` and no `iss`: github.com/OpenIDC/mod_auth_openidc/pull/855.
    if (script.frontchannelUrl !== undefined) await fetch(`${script.frontchannelUrl}?sid=${sid}`)
    sid = randomUUID()
    const back = new URL(url.searchParams.get('post_logout_redirect_uri') ?? '')
    back.searchParams.set('state', url.searchParams.get('state') ?? '')
    res.writeHead(302, { Location: back.href }).end()
  }

  const jwks = () => ({
    keys: Object.values(keys).map(({ jwk }) => ({ ...jwk, issuer: issuerOf(jwk.issuer) })),
  })

  const route = async (req: IncomingMessage, res: ServerResponse) => {
    const url = new URL(req.url ?? '/', origin)
    paths.push(url.pathname)
    const [, segment = '', ...rest] = url.pathname.split('/')
    switch (rest.join('/')) {
      case 'v2.0/.well-known/openid-configuration':
        return sendJson(res, 200, metadata(segment))
      case 'discovery/v2.0/keys':
        return sendJson(res, 200, jwks())
      case 'oauth2/v2.0/authorize':
        return authorize(url, res)
      case 'oauth2/v2.0/token':
        return await token(req, res)
      case 'oauth2/v2.0/logout':
        return await logout(url, res)
      default:
        return sendJson(res, 404, { error: 'not_found' })
    }
  }

  const server = createServer((req, res) => {
    route(req, res).catch(() => res.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an address of this shape.
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  const refreshes = () => tokenRequests.filter(({ parameters }) => parameters.get('grant_type') === 'refresh_token') // prettier-ignore
  return { origin, script, tokenRequests, refreshes, logouts, paths, issuerOf, close }
}

export type Entra = Awaited<ReturnType<typeof startEntra>>
