import type { Request, RequestHandler } from 'express'
import lusca from 'lusca'
import type { SessionId } from '../core/ids.ts'
import { callerOf } from './caller.ts'
import { requireCsrf, sentCsrfToken } from './csrf.ts'
import type { KeyedHash } from './keyed-hash.ts'

export const csrfField = 'csrf_token'

export type CsrfMiddlewareDeps = {
  readonly hash: KeyedHash
  readonly origin: string
  readonly sessionIdOf: (req: Request) => SessionId | undefined
}

/**
 * lusca's CSRF check over our keyed hash, for the pages that write; the form field counts where no header is sent.
 *
 * lusca's own token is Math.random under SHA-1 with a secret in every session, and its errors have no code; so its
 * `impl` is ours, throws our errors, and it runs behind a live session only.
 */
export const csrfMiddleware = (deps: CsrfMiddlewareDeps): RequestHandler => {
  const check = lusca.csrf({
    key: csrfField,
    impl: {
      create: (req) => {
        const sessionId = deps.sessionIdOf(req)
        const token = sessionId === undefined ? '' : deps.hash.of('csrf', sessionId)
        return { secret: '', token, validate: validate(deps) }
      },
    },
  })
  return function csrf(req, res, next) {
    if (deps.sessionIdOf(req) === undefined) next()
    else check(req, res, next)
  }
}

const validate =
  ({ hash, origin, sessionIdOf }: CsrfMiddlewareDeps) =>
  (req: Request, fieldOrHeader: unknown): boolean => {
    const sessionId = sessionIdOf(req)
    if (sessionId === undefined) return false
    const field = typeof fieldOrHeader === 'string' ? fieldOrHeader : undefined
    const token = sentCsrfToken(req) ?? field
    requireCsrf(hash, { method: req.method, caller: callerOf(req, origin), token, sessionId })
    return true
  }
