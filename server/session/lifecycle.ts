import type { Request } from 'express'
import type { Cookie } from 'express-session'
import type { SessionId } from '../core/ids.ts'
import { parseSessionId } from '../core/ids.ts'
import { BrokerError } from '../core/errors.ts'
import type { SessionFacts } from './data.ts'

/** The id of the live session this request came with, or undefined. */
export const liveSessionId = (req: Request): SessionId | undefined =>
  req.session.principal === undefined ? undefined : parseSessionId(req.sessionID)

/** Gives the request a session id that was never sent anywhere, ending the session it came with. */
export const renewSession = async (req: Request): Promise<SessionId> => {
  // A request without a live session has had a fresh id made for it already; there is nothing to end.
  if (req.session.recordVersion !== undefined)
    await new Promise<void>((resolve, reject) => {
      req.session.regenerate((error: unknown) => settle(error, resolve, reject))
    })
  const id = parseSessionId(req.sessionID)
  if (id === undefined) throw new BrokerError('internal_error')
  return id
}

/** Stores the logged-in session before the browser is sent on. */
export const saveLogin = async (
  req: Request,
  { principal, createdAtMs, stepUps = [] }: SessionFacts,
): Promise<void> => {
  req.session.principal = principal
  req.session.createdAtMs = createdAtMs
  if (stepUps.length > 0) req.session.stepUps = stepUps
  lifeAsMaxAge(req.session.cookie)
  await new Promise<void>((resolve, reject) => {
    req.session.save((error: unknown) => settle(error, resolve, reject))
  })
}

/** express-session writes Expires alone, which a browser with a wrong clock misreads: Max-Age instead. RFC 6265 section 4.1.2.2. */
const lifeAsMaxAge = (cookie: Cookie): void => {
  // What goes into Set-Cookie; express-session's types leave it out.
  const flags = Reflect.get(cookie, 'data') as object
  const maxAge = Math.floor((cookie.originalMaxAge ?? 0) / 1_000)
  Object.defineProperty(cookie, 'data', { value: { ...flags, expires: undefined, maxAge } })
}

/** Takes a session that is over, or was never stored, off the request: express-session would save it and set its cookie. */
export const dropSession = (req: Partial<Request>): void => {
  delete req.session
}

const settle = (error: unknown, resolve: () => void, reject: (error: Error) => void): void => {
  if (error === undefined || error === null) resolve()
  else reject(error instanceof Error ? error : new BrokerError('internal_error', { cause: error }))
}
