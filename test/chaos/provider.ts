import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { bodyText, sendJson } from '../support/plain-http.ts'
import { freePort } from '../support/redis-server.ts'
import type { Cleanup } from '../support/redis-server.ts'
import type { Issued } from './families.ts'
import { families } from './families.ts'
import { signingKeys } from './provider-keys.ts'

export const chaosClient = { id: 'chaos', secret: 'chaosClientSecretOfLettersAlone' }

/** What happens to a refresh: `cut` commits and drops the connection; the rest are answers without any effect. */
export type RefreshFault = 'none' | 'cut' | 429 | 500 | 503

/** Switches of the token endpoint, read at each refresh. */
export type Faults = {
  delayMs: () => number
  answer: () => RefreshFault
  /** Waited for when a refresh has come in, and when it is committed and not yet answered. */
  onRefresh: (when: 'received' | 'committed', broker: number, user: string) => Promise<void> | void
}

const calm = (): Faults => ({
  delayMs: () => 0,
  answer: () => 'none',
  onRefresh: () => undefined,
})

type Code = { user: string; nonce: string | null; challenge: string | null }

/**
 * A strict OpenID provider on one fixed port. It approves whoever has its cookie `op`, without a form, and tells brokers
 * apart by the path of their token endpoint.
 */
export const startProvider = async (t: Cleanup, lifeMs: number) => {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const state = { lifeMs, forms: 0, requests: 0, tokenRequests: 0 }
  const books = families(() => state.lifeMs)
  const keys = await signingKeys()
  const codes = new Map<string, Code>()
  const faults = calm()
  const cuts: number[] = []

  const metadata = (broker: string) => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/${broker}/token`,
    jwks_uri: `${issuer}/jwks`,
    revocation_endpoint: `${issuer}/revoke`,
    end_session_endpoint: `${issuer}/logout`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    token_endpoint_auth_methods_supported: ['client_secret_basic'],
  })

  const authorize = (url: URL, req: IncomingMessage, res: ServerResponse) => {
    const asked = url.searchParams
    const user = /(?:^|; )op=([^;]+)/.exec(req.headers.cookie ?? '')?.[1]
    const back = new URL(asked.get('redirect_uri') ?? '')
    back.searchParams.set('state', asked.get('state') ?? '')
    back.searchParams.set('iss', issuer)
    if (user === undefined) {
      state.forms += 1
      back.searchParams.set('error', 'login_required')
    } else {
      const code = randomUUID()
      codes.set(code, { user, nonce: asked.get('nonce'), challenge: asked.get('code_challenge') })
      back.searchParams.set('code', code)
    }
    res.writeHead(303, { Location: back.href }).end()
  }

  const tokens = async ({ access, refreshToken }: Issued, nonce: string | null) => {
    const now = Math.floor(Date.now() / 1_000)
    const { user } = access.family
    const claims = { iss: issuer, sub: user, aud: chaosClient.id, iat: now, exp: now + 300 }
    return {
      access_token: access.value,
      token_type: 'Bearer',
      expires_in: access.lifeMs / 1_000,
      refresh_token: refreshToken,
      id_token: await keys.sign({ ...claims, ...(nonce !== null && { nonce }) }),
    }
  }

  const codeGrant = async (form: URLSearchParams, res: ServerResponse) => {
    const code = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const verifier = createHash('sha256').update(form.get('code_verifier') ?? '')
    if (code === undefined || code.challenge !== verifier.digest('base64url'))
      return sendJson(res, 400, { error: 'invalid_grant' })
    sendJson(res, 200, await tokens(books.begin(code.user), code.nonce))
  }

  const refreshGrant = async (form: URLSearchParams, broker: number, res: ServerResponse) => {
    const sending = books.received(form.get('refresh_token') ?? '', broker)
    const end = (act: () => void) => {
      sending.endMs = Date.now()
      act()
    }
    await faults.onRefresh('received', broker, sending.user)
    const delayMs = faults.delayMs()
    if (delayMs > 0) await sleep(delayMs)
    const fault = faults.answer()
    if (fault !== 'none' && fault !== 'cut') {
      sending.outcome = fault === 500 ? 'unknown' : 'refused'
      if (fault === 429) res.setHeader('Retry-After', '2')
      return end(() => sendJson(res, fault, { error: 'temporarily_unavailable' }))
    }
    const issued = books.refresh(sending)
    await faults.onRefresh('committed', broker, sending.user)
    if (issued === undefined) return end(() => sendJson(res, 400, { error: 'invalid_grant' }))
    if (fault === 'cut') {
      sending.outcome = 'cut'
      return end(() => void res.socket?.resetAndDestroy())
    }
    const answer = await tokens(issued, null)
    end(() => sendJson(res, 200, answer))
  }

  const token = async (req: IncomingMessage, res: ServerResponse, broker: number) => {
    state.tokenRequests += 1
    const form = new URLSearchParams(await bodyText(req))
    if (!isOurClient(req.headers.authorization))
      return sendJson(res, 401, { error: 'invalid_client' })
    if (form.get('grant_type') === 'refresh_token') await refreshGrant(form, broker, res)
    else await codeGrant(form, res)
  }

  const route = async (req: IncomingMessage, res: ServerResponse) => {
    state.requests += 1
    const url = new URL(req.url ?? '/', issuer)
    const [, broker = '', last = ''] = /^\/(\d+)\/(.*)$/.exec(url.pathname) ?? []
    if (last === '.well-known/openid-configuration') return sendJson(res, 200, metadata(broker))
    if (last === 'token') return await token(req, res, Number(broker))
    if (url.pathname === '/jwks') return sendJson(res, 200, keys.jwks())
    if (url.pathname === '/authorize') return authorize(url, req, res)
    if (url.pathname !== '/revoke') return sendJson(res, 404, { error: 'not_found' })
    books.revoke(new URLSearchParams(await bodyText(req)).get('token') ?? '')
    sendJson(res, 200, {})
  }

  const server = createServer((req, res) => {
    route(req, res).catch(() => res.destroy())
  })
  const up = () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  /** Refuses connections; what was on its way is answered still, so that nothing is in doubt. */
  const down = () => {
    if (server.listening) {
      cuts.push(Date.now())
      server.close()
    }
    server.closeIdleConnections()
    return Promise.resolve()
  }
  /** An order to end every session of a user (OpenID Connect Back-Channel Logout 1.0 section 2.4). */
  const logoutToken = (user: string): Promise<string> => {
    const now = Math.floor(Date.now() / 1_000)
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    const times = { iat: now, exp: now + 120 }
    return keys.sign({ iss: issuer, aud: chaosClient.id, sub: user, jti: randomUUID(), events, ...times }) // prettier-ignore
  }
  await up()
  t.after(async () => {
    await down()
    server.closeAllConnections()
  })
  const calmDown = () => Object.assign(faults, calm())
  return { issuer, state, books, keys, faults, cuts, logoutToken, calmDown, up, down }
}

export type Provider = Awaited<ReturnType<typeof startProvider>>

const isOurClient = (authorization: string | undefined): boolean =>
  authorization ===
  `Basic ${Buffer.from(`${chaosClient.id}:${chaosClient.secret}`).toString('base64')}`
