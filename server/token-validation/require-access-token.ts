import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AccessToken } from './access-token.ts'
import { AccessTokenError } from './access-token-error.ts'
import type { RequireOptions } from './options.ts'
import { verifyAccessToken } from './verify-access-token.ts'

/** A middleware for Express, and for all that call one in its way. */
export type RequireAccessToken = (
  req: IncomingMessage & { auth?: AccessToken },
  res: ServerResponse,
  next: (error?: unknown) => void,
) => Promise<void>

const known = new WeakMap<object, AccessToken>()

/** Passes calls whose access token is good, and puts what it says into `req.auth`; answers all others itself. */
export const requireAccessToken = (options: RequireOptions): RequireAccessToken => {
  const verify = verifyAccessToken(options)
  return async function requireToken(req, res, next) {
    try {
      const token = await verify(req)
      known.set(req, token)
      req.auth = token
    } catch (error) {
      if (!(error instanceof AccessTokenError)) return next(error)
      options.onRefused?.(error, req)
      return answerRefusal(res, error)
    }
    next()
  }
}

/** What the token of a call says, with its type; throws where no middleware has checked it. */
export const accessTokenOf = (req: object): AccessToken => {
  const token = known.get(req)
  if (token === undefined) throw new TypeError('requireAccessToken has not seen this request')
  return token
}

/** Answers a refused call in the words of RFC 6750 and RFC 9457; anything else than a refusal is thrown again. */
export const answerRefusal = (res: ServerResponse, error: unknown): void => {
  if (!(error instanceof AccessTokenError)) throw error
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value)
  res.statusCode = error.status
  res.setHeader('Content-Type', 'application/problem+json')
  res.setHeader('Cache-Control', 'no-store')
  res.end(JSON.stringify(error.problem))
}
