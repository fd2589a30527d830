import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Route } from '../config/config.ts'
import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Secret } from '../core/secret.ts'
import { isSecret } from '../core/secret.ts'
import type { TokenSet } from '../core/token-set.ts'
import type { Call } from '../http/call.ts'
import { targetCheck } from '../http/checked-target.ts'
import { hasBody, header } from '../http/raw-headers.ts'
import type { Replies } from '../http/reply.ts'
import { refuse } from '../http/refuse.ts'
import { requestIdOf } from '../http/request-id.ts'
import { askedCall, isForwardAuth, isWebSocket } from './asked-call.ts'

type Judge = (call: Call, route: Route) => Promise<{ readonly token: TokenSet | undefined }>

export type ForwardAuthDeps = {
  readonly log: Log
  readonly reply: Replies
  readonly origin: string
  /** Undefined: nobody may ask. */
  readonly secret: Secret | undefined
  readonly routeFor: (path: string) => Route | undefined
  readonly judge: Judge
  readonly judgeUpgrade: Judge
}

export type ForwardAuth = {
  /** Whether a proxy asks that knows the secret; to anybody else the address is not there. */
  readonly isAsked: (req: IncomingMessage) => boolean
  /** 204 with the headers for the upstream, or the refusal that the proxied call would get. */
  readonly answer: (req: IncomingMessage, res: ServerResponse) => Promise<void>
}

/** For proxies that forward calls themselves and ask for each whether, and with which token. */
export const forwardAuth = (deps: ForwardAuthDeps): ForwardAuth => {
  const admittedToken = asker(deps)
  return {
    isAsked: (req) => {
      if (deps.secret === undefined || !isForwardAuth(req)) return false
      const shown = header(req, 'x-forward-auth-secret')
      return shown !== undefined && isSecret(deps.secret, shown)
    },
    answer: async (req, res) => {
      try {
        const token = await admittedToken(askedCall(req))
        // An unread upload would be taken for the next question on this connection.
        if (!req.complete && hasBody(req)) res.setHeader('Connection', 'close')
        res.writeHead(204, {
          'Cache-Control': 'no-store',
          'X-Request-Id': requestIdOf(req),
          ...(token !== undefined && { Authorization: `Bearer ${token.accessToken}` }),
        })
        res.end()
      } catch (error) {
        refuse(deps, req, res, error)
      }
    },
  }
}

/** The front door's checks and the judge's, in the order of a proxied call. */
const asker = (deps: ForwardAuthDeps) => {
  const checkedTarget = targetCheck(deps.origin)
  return async (call: Call): Promise<TokenSet | undefined> => {
    const { path } = checkedTarget(call)
    const route = deps.routeFor(path)
    if (route === undefined) throw new BrokerError('no_route')
    const judge = isWebSocket(call) ? deps.judgeUpgrade : deps.judge
    const { token } = await judge(call, route)
    return token
  }
}
