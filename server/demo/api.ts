import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { BearerRefusal, Caller } from './bearer.ts'
import { setTimeout } from 'node:timers/promises'
import { nowSeconds, systemClock } from '../core/clock.ts'
import { bearerCheck } from './bearer.ts'
import { listenOnLoopback } from './loopback-server.ts'
import { orderBook, parseOrderRequest } from './order-book.ts'
import { readBody } from './read-body.ts'

export type DemoApiOptions = {
  readonly issuer: string
  readonly audience: string
  /** 0, the default, takes a free one. */
  readonly port?: number
  readonly clock?: Clock
  readonly onError?: (error: unknown) => void
}

export type DemoApi = { readonly origin: string; readonly close: () => Promise<void> }

type Call = { readonly req: IncomingMessage; readonly res: ServerResponse; readonly caller: Caller }
type Handler = (call: Call) => void | Promise<void>
type Endpoint = { readonly role?: string; readonly handle: Handler }

const maxBodyBytes = 4_096
const tickMs = 1_000

/** A resource server on 127.0.0.1 that checks every access token itself; for development only. */
export const startDemoApi = async (options: DemoApiOptions): Promise<DemoApi> => {
  const { issuer, audience, port = 0, clock = systemClock, onError = () => undefined } = options
  const check = bearerCheck({ issuer, audience, clock })
  const endpoints = endpointsOf(clock)
  const server = await listenOnLoopback(port)

  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const path = (req.url ?? '/').split('?', 1)[0] ?? '/'
    const verdict = await check(req.headers.authorization)
    if (!verdict.ok) return refuse(res, verdict.reason)
    const methods = endpoints[path]
    if (methods === undefined) return sendProblem(res, 404, 'not_found', 'Nothing is here.')
    const endpoint = methods[req.method ?? '']
    if (endpoint === undefined) return refuseMethod(res, Object.keys(methods))
    const { role, handle } = endpoint
    if (role !== undefined && !verdict.value.roles.includes(role)) return refuseRole(res, role)
    await handle({ req, res, caller: verdict.value })
  }

  server.serve((req, res) => {
    void answer(req, res).catch((error: unknown) => {
      onError(error)
      if (res.headersSent) return void res.destroy()
      sendProblem(res, 500, 'internal_error', 'Something broke in the demo API.')
    })
  })
  return server
}

const endpointsOf = (
  clock: Clock,
): Readonly<Record<string, Readonly<Record<string, Endpoint>>>> => {
  const orders = orderBook(clock)
  return {
    '/api/me': { GET: { handle: ({ res, caller }) => sendJson(res, 200, me(caller, clock)) } },
    '/api/orders': {
      GET: {
        role: 'orders-read',
        handle: ({ res }) => sendJson(res, 200, { orders: orders.all() }),
      },
      POST: { role: 'orders-write', handle: addOrder(orders) },
    },
    '/api/events': { GET: { handle: ticks(clock) } },
  }
}

const me = (caller: Caller, clock: Clock) => ({
  sub: caller.sub,
  name: caller.name,
  roles: caller.roles,
  token: {
    fingerprint: caller.fingerprint,
    iat: caller.issuedAtSeconds,
    exp: caller.expiresAtSeconds,
    expires_in: caller.expiresAtSeconds - nowSeconds(clock),
  },
})

const addOrder =
  (orders: ReturnType<typeof orderBook>): Handler =>
  async ({ req, res, caller }) => {
    const body = await readBody(req, maxBodyBytes)
    if (body === undefined) return sendProblem(res, 413, 'body_too_large', 'The order is too long.')
    const request = parseOrderRequest(parseJson(body))
    if (!request.ok) return sendProblem(res, 400, 'invalid_order', request.reason)
    sendJson(res, 201, orders.add(request.value, caller.name))
  }

/** A tick per second as server-sent events, until either side has had enough. */
const ticks =
  (clock: Clock): Handler =>
  async ({ res }) => {
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    res.flushHeaders()
    for (let n = 1; await nextTick(gone.signal); n += 1) {
      const tick = JSON.stringify({ n, at: new Date(clock.nowMs()).toISOString() })
      res.write(`id: ${n}\nevent: tick\ndata: ${tick}\n\n`)
    }
  }

const nextTick = (signal: AbortSignal): Promise<boolean> =>
  setTimeout(tickMs, true, { signal }).catch(() => false)

/** RFC 6750 section 3: without a token no error code, so that nothing is told to who did not try. */
const refuse = (res: ServerResponse, reason: BearerRefusal): void => {
  const realm = 'Bearer realm="demo-api"'
  switch (reason) {
    case 'no_token':
      res.setHeader('WWW-Authenticate', realm)
      return sendProblem(res, 401, 'invalid_request', 'Send an access token.')
    case 'invalid_token':
      res.setHeader('WWW-Authenticate', `${realm}, error="invalid_token"`)
      return sendProblem(
        res,
        401,
        'invalid_token',
        'The access token is not valid here, or not now.',
      )
    case 'keys_unavailable':
      return sendProblem(res, 503, 'idp_unavailable', 'The keys of the provider are out of reach.')
  }
}

const refuseRole = (res: ServerResponse, role: string): void => {
  sendProblem(res, 403, 'forbidden_role', `This needs the role ${role}, which you do not have.`)
}

const refuseMethod = (res: ServerResponse, allowed: readonly string[]): void => {
  res.setHeader('Allow', allowed.join(', '))
  sendProblem(res, 405, 'method_not_allowed', `Use ${allowed.join(' or ')}.`)
}

const titles: Readonly<Record<number, string>> = {
  400: 'The order is not complete',
  401: 'No valid access token',
  403: 'You may not do that',
  404: 'Not found',
  405: 'Method not allowed',
  413: 'Too large',
  500: 'Internal error',
  503: 'Try again soon',
}

/** RFC 9457. */
const sendProblem = (res: ServerResponse, status: number, code: string, detail: string): void => {
  const type = `urn:latchkey:demo-api:${code}`
  const problem = { type, title: titles[status], status, code, detail }
  sendJson(res, status, problem, 'application/problem+json')
}

const sendJson = (
  res: ServerResponse,
  status: number,
  body: unknown,
  type = 'application/json',
): void => {
  res.statusCode = status
  res.setHeader('Content-Type', type)
  res.setHeader('Cache-Control', 'no-store')
  res.end(JSON.stringify(body))
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
