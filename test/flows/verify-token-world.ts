import { KeyObject, createSign, randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Route } from '../../server/config/config.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import { isOurClient } from '../support/basic-client.ts'
import { capturedLog } from '../support/captured-log.ts'
import { bodyText, sendJson } from '../support/plain-http.ts'
import { route, startWorld } from '../support/world.ts'

type Json = Record<string, unknown>

export type Bent = {
  readonly claims?: Json
  readonly header?: Json
  readonly key?: KeyObject
  readonly opaque?: boolean
}

const part = (value: Json) => Buffer.from(JSON.stringify(value)).toString('base64url')

/**
 * A world with one route, `/api/x`, that checks tokens for the audience `orders`, and an issuer whose access tokens are JWTs. What a
 * token is like is asked at each; the first is the login's, the second the one for the route.
 */
export const startVerifyingWorld = async (
  t: TestContext,
  over: Partial<Route> = {},
  tenantAudience?: string,
) => {
  const { log, text } = capturedLog()
  const state = { issued: 0, bend: (_number: number): Bent => ({}) }
  const world = await startWorld(t, {
    log,
    config: (config) => ({ ...config, tenant: { ...config.tenant, audience: tenantAudience } }),
    routes: ({ origin }) => [
      route('/api/x', origin, { verifyToken: true, audience: 'orders', websocket: true, ...over }),
    ],
  })
  const { issuer } = world
  const own = KeyObject.from(issuer.privateKey)
  const jwt = ({ claims, header, key }: Bent): string => {
    const now = Math.floor(issuer.script.nowMs() / 1_000)
    const registered = { iss: issuer.issuer, aud: 'orders', iat: now, exp: now + 300 }
    const named = { sub: 'user-1', client_id: scriptedClient.id, jti: randomUUID() }
    const head = part({ alg: 'RS256', kid: 'k1', typ: 'at+jwt', ...header })
    const signed = `${head}.${part({ ...registered, ...named, ...claims })}`
    const signature = createSign('RSA-SHA256')
      .update(signed)
      .sign(key ?? own)
    return `${signed}.${signature.toString('base64url')}`
  }
  issuer.script.idTokenClaims = { at_hash: undefined }
  issuer.script.alterTokenAnswer = (answer) => {
    state.issued += 1
    const bent = state.bend(state.issued)
    return bent.opaque === true ? answer : { ...answer, access_token: jwt(bent) }
  }
  const reasons = () => [...text().matchAll(/"reason":"([a-z_]+)"/g)].map(([, reason]) => reason)
  return { world, state, reasons, logged: text, refreshes: () => issuer.grants('refresh_token') }
}

/** An introspection endpoint beside the issuer, whose answers a test sets. RFC 7662 section 2. */
export const addIntrospection = async (
  t: TestContext,
  { issuer }: Awaited<ReturnType<typeof startWorld>>,
) => {
  const state = {
    asked: [] as string[],
    answer: (_token: string): unknown => ({ active: true, aud: 'orders' }),
    intercept: undefined as ((res: ServerResponse) => unknown) | undefined,
  }
  const server = createServer((req, res) => {
    const { authorization } = req.headers
    void bodyText(req).then((body) => {
      const token = new URLSearchParams(body).get('token') ?? ''
      state.asked.push(token)
      if (state.intercept !== undefined) return void state.intercept(res)
      if (!isOurClient(authorization, scriptedClient.id, [scriptedClient.secret]))
        return sendJson(res, 401, { error: 'invalid_client' })
      sendJson(res, 200, state.answer(token))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  issuer.script.alterMetadata = (metadata) => ({
    ...metadata,
    introspection_endpoint: `http://127.0.0.1:${port}/introspect`,
  })
  return state
}
