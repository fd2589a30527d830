import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Route } from '../config/config.ts'
import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Secret } from '../core/secret.ts'
import { isSecret } from '../core/secret.ts'
import type { TokenSet } from '../core/token-set.ts'
import type { Call } from '../http/call.ts'
import type { Located } from '../http/checked-target.ts'
import { targetCheck } from '../http/checked-target.ts'
import type { Entrances, Place } from '../http/entrances.ts'
import { hasBody, header } from '../http/raw-headers.ts'
import type { Replies } from '../http/reply.ts'
import { refuse } from '../http/refuse.ts'
import { requestIdOf } from '../http/request-id.ts'
import { askedCall, isForwardAuth, isWebSocket } from './asked-call.ts'

type Judge = (call: Call, route: Route) => Promise<{ readonly token: TokenSet | undefined }>

/** What a question is about: one tenant at one place. */
type Asked = Place & {
  readonly reply: Replies
  readonly routeFor: (path: string) => Route | undefined
  readonly judge: Judge
  readonly judgeUpgrade: Judge
}

export type ForwardAuthDeps<E extends Asked> = {
  readonly log: Log
  readonly reply: Replies
  /** Undefined: nobody may ask. */
  readonly secret: Secret | undefined
  readonly entrances: Entrances<E>
}

export type ForwardAuth = {
  /** Whether a proxy asks that knows the secret; to anybody else the address is not there. */
  readonly isAsked: (req: IncomingMessage) => boolean
  /** 204 with the headers for the upstream, or the refusal that the proxied call would get. */
  readonly answer: (req: IncomingMessage, res: ServerResponse) => Promise<void>
}

/** For proxies that forward calls themselves and ask for each whether, and with which token. */
export const forwardAuth = <E extends Asked>(deps: ForwardAuthDeps<E>): ForwardAuth => {
  const located = targetCheck(deps.entrances)
  return {
    isAsked: (req) => {
      if (deps.secret === undefined || !isForwardAuth(req)) return false
      const shown = header(req, 'x-forward-auth-secret')
      return shown !== undefined && isSecret(deps.secret, shown)
    },
    answer: async (req, res) => {
      let { reply } = deps
      try {
        const call = askedCall(req)
        const target = located(call)
        reply = target.entrance.reply
        await answerAbout(req, res, { call, ...target })
      } catch (error) {
        refuse({ log: deps.log, reply }, req, res, error)
      }
    },
  }
}

type Question = Located<Asked> & { readonly call: Call }

/** The judge's verdict, after the front door's checks, in the order of a proxied call. */
const answerAbout = async (
  req: IncomingMessage,
  res: ServerResponse,
  { call, entrance, path }: Question,
): Promise<void> => {
  const route = entrance.routeFor(path)
  if (route === undefined) throw new BrokerError('no_route')
  const judge = isWebSocket(call) ? entrance.judgeUpgrade : entrance.judge
  const { token } = await judge(call, route)
  // An unread upload would be taken for the next question on this connection.
  if (!req.complete && hasBody(req)) res.setHeader('Connection', 'close')
  res.writeHead(204, {
    'Cache-Control': 'no-store',
    'X-Request-Id': requestIdOf(req),
    ...(token !== undefined && { Authorization: `Bearer ${token.accessToken}` }),
  })
  res.end()
}
