import { createHash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import type { Cleanup } from '../support/redis-server.ts'
import { startUpstream } from '../support/upstream.ts'

export type SeenToken = {
  readonly sub: string
  readonly sid: string
  readonly roles: readonly string[]
  readonly expiresAtMs: number
  readonly fingerprint: string
}

/** The broker counts a token's life from when it came; Keycloak counts it from the whole second before. */
const toleranceSeconds = 2

const seenToken = (token: string, payload: JWTPayload): SeenToken => {
  const { sub = '', exp = 0, sid, realm_access: access } = payload
  // Keycloak's claim, absent for who has no role.
  const { roles = [] } = (access ?? {}) as { roles?: readonly string[] }
  const fingerprint = createHash('sha256').update(token).digest('hex').slice(0, 12)
  return { sub, sid: String(sid), roles, expiresAtMs: exp * 1_000, fingerprint }
}

/** A resource server that checks Keycloak's tokens itself: signature, issuer, audience and expiry. */
export const startApi = async (t: Cleanup, issuer: string) => {
  const upstream = await startUpstream()
  t.after(async () => {
    upstream.close()
    return Promise.resolve()
  })
  const keys = createRemoteJWKSet(new URL(`${issuer}/protocol/openid-connect/certs`))
  const checked = new Map<string, Promise<SeenToken>>()
  const newest = new Map<string, SeenToken>()
  const verify = async (token: string): Promise<SeenToken> => {
    const options = { issuer, audience: 'orders-api', algorithms: ['RS256'] }
    const { payload } = await jwtVerify(token, keys, {
      ...options,
      clockTolerance: toleranceSeconds,
    })
    return seenToken(token, payload)
  }
  const check = async (authorization = ''): Promise<SeenToken> => {
    const token = authorization.replace(/^Bearer /, '')
    const known = checked.get(token) ?? verify(token)
    checked.set(token, known)
    const seen = await known
    if (seen.expiresAtMs + toleranceSeconds * 1_000 < Date.now()) throw new Error('expired')
    if (seen.expiresAtMs >= (newest.get(seen.sid)?.expiresAtMs ?? 0)) newest.set(seen.sid, seen)
    return seen
  }
  const orders = [{ id: 1, item: 'Door latch', quantity: 3, by: 'Alice Archer', at: '2026-01-01' }]
  upstream.answerWith((req, res, body) => {
    const send = (status: number, value: object) => {
      res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
    }
    const serve = ({ sub, roles, expiresAtMs, fingerprint }: SeenToken) => {
      const exp = expiresAtMs / 1_000
      const token = { fingerprint, exp, iat: exp - 10, expires_in: exp - Date.now() / 1_000 }
      if (req.url !== '/api/orders') return send(200, { sub, roles, token })
      const isWrite = req.method === 'POST'
      if (!roles.includes(isWrite ? 'orders-write' : 'orders-read'))
        return send(403, { code: 'forbidden_role' })
      if (!isWrite) return send(200, { orders })
      const order = JSON.parse(body) as { item: string; quantity: number }
      orders.unshift({ id: orders.length + 1, ...order, by: sub, at: '2026-01-02' })
      send(201, order)
    }
    check(req.headers.authorization).then(serve, (error: unknown) => {
      const code = error instanceof errors.JOSEError ? error.code : String(error)
      res.setHeader('WWW-Authenticate', 'Bearer error="invalid_token"')
      send(401, { code: `api_refused ${code}` })
    })
  })
  return { origin: upstream.origin, seen: upstream.seen, last: upstream.last, newest, checked }
}

export type Api = Awaited<ReturnType<typeof startApi>>
