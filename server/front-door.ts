import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Route } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import { BrokerError, toBrokerError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import type { Random } from './core/random.ts'
import type { ForwardAuth } from './forward-auth/forward-auth.ts'
import { logAccess, logUpgrade } from './http/access-log.ts'
import type { Located } from './http/checked-target.ts'
import { targetCheck } from './http/checked-target.ts'
import type { Entrances, Place } from './http/entrances.ts'
import { hasBody, header } from './http/raw-headers.ts'
import type { Replies } from './http/reply.ts'
import { assignRequestId } from './http/request-id.ts'
import { parseRequestTarget } from './http/request-target.ts'
import type { RoutedCall, UpgradeCall } from './proxy/hot-path.ts'
import { socketResponse } from './proxy/hot-path.ts'

/** One tenant at one place, with both ways behind it. */
export type Entrance = Place & {
  readonly reply: Replies
  /** Undefined for the broker's own addresses. */
  readonly routeFor: (path: string) => Route | undefined
  /** Whether an address is one of the broker's that are there. */
  readonly owns: (path: string) => boolean
  readonly proxied: (call: RoutedCall) => Promise<void>
  /** Resolves with the status of the handshake. */
  readonly upgraded: (call: UpgradeCall) => Promise<number>
  /** The broker's own pages; calls `next` for what is not theirs. */
  readonly app: (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void
  readonly site: (req: IncomingMessage, res: ServerResponse) => void
}

export type FrontDoorDeps = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** For calls that are nobody's. */
  readonly reply: Replies
  readonly entrances: Entrances<Entrance>
  readonly draining: () => boolean
  readonly forwardAuth: ForwardAuth
}

export type Next = (error?: unknown) => void

/** The first function of every request: names it, checks host and path once, and decides which of the two ways it goes. */
export const frontDoor = (deps: FrontDoorDeps) => {
  const targetOf = clearTarget(targetCheck(deps.entrances))
  const isOurs = ownAddress(deps)
  const enter = (req: IncomingMessage, res: ServerResponse): void => {
    assignRequestId(req, deps.random)
    logAccess(deps, req, res)
    if (deps.draining()) res.setHeader('Connection', 'close')
  }

  const handle = (
    req: IncomingMessage,
    res: ServerResponse,
    way: { readonly awaitsContinue: boolean; readonly next?: Next | undefined },
  ): void => {
    const { next } = way
    if (next !== undefined && !isOurs(req)) return next()
    enter(req, res)
    // Before the host check: a proxy asks by whatever name the broker has inside.
    if (deps.forwardAuth.isAsked(req)) return void deps.forwardAuth.answer(req, res)
    try {
      const target = targetOf(req)
      const { entrance } = target
      const route = entrance.routeFor(target.path)
      if (route !== undefined)
        return void entrance.proxied({
          req,
          res,
          route,
          target,
          awaitsContinue: way.awaitsContinue,
        })
      if (way.awaitsContinue) res.writeContinue()
      if (hasBody(req)) waitForForm(deps, req, res)
      if (entrance.base !== '') return enterPrefix(req, res, target)
      entrance.app(req, res, () => entrance.site(req, res))
    } catch (error) {
      deps.reply.failure(req, res, toBrokerError(error))
    }
  }

  return { handle, upgrade: upgradeDoor(deps, targetOf) }
}

/** Below a prefix, what comes next sees the path as it would be without. */
const enterPrefix = (
  req: IncomingMessage,
  res: ServerResponse,
  { entrance, path, query }: Located<Entrance>,
): void => {
  // Relative links of a page at the bare prefix would lead out of it.
  if (path === '') return entrance.reply.redirect(req, res, `${entrance.base}/${query}`)
  req.url = `${path}${query}`
  entrance.app(req, res, () => entrance.site(req, res))
}

const upgradeDoor =
  (deps: FrontDoorDeps, targetOf: TargetOf) =>
  (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // A browser that goes away during the upgrade is not an error of ours.
    socket.on('error', () => socket.destroy())
    assignRequestId(req, deps.random)
    const noteStatus = logUpgrade(deps, req, socket)
    if (deps.forwardAuth.isAsked(req)) {
      const res = socketResponse(req, socket)
      return void deps.forwardAuth.answer(req, res).then(() => noteStatus(res.statusCode))
    }
    try {
      const target = targetOf(req)
      // Its bytes would be taken for WebSocket frames.
      if (hasBody(req))
        throw new BrokerError('invalid_request', { detail: 'An upgrade has no body.' })
      const route = target.entrance.routeFor(target.path)
      if (route === undefined || req.headers.upgrade?.toLowerCase() !== 'websocket')
        throw new BrokerError('no_route', { detail: 'No WebSocket is here.' })
      void target.entrance.upgraded({ req, socket, head, route, target }).then(noteStatus)
    } catch (error) {
      const failure = toBrokerError(error)
      deps.reply.failure(req, socketResponse(req, socket), failure)
      noteStatus(failure.status)
    }
  }

/** A form of ours fits one packet or a few. */
const formWaitMs = 10_000

/** Whoever sends a small form and stops halfway is told so, and let go. */
const waitForForm = ({ reply }: FrontDoorDeps, req: IncomingMessage, res: ServerResponse): void => {
  const timer = setTimeout(() => {
    const detail = 'The body did not arrive in time.'
    if (!req.complete) reply.failure(req, res, new BrokerError('invalid_request', { detail }))
  }, formWaitMs)
  res.once('close', () => clearTimeout(timer))
}

/** Mounted in someone else's app, only our own addresses are ours to judge. */
const ownAddress =
  ({ entrances, forwardAuth }: FrontDoorDeps) =>
  (req: IncomingMessage): boolean => {
    if (forwardAuth.isAsked(req)) return true
    // Under a foreign host too: there they are refused, and not somebody else's to answer.
    const entry = entrances.at(header(req, 'host')) ?? entrances.shared
    const target = parseRequestTarget(req.url ?? '', entry.host)
    if (!target.ok) return false
    const entrance = entry.under(target.value.path)
    const path = target.value.path.slice(entrance.base.length)
    return entrance.owns(path) || entrance.routeFor(path) !== undefined
  }

/** Framing, then host, path and method; throws the first refusal. */
const clearTarget =
  (checked: TargetOf): TargetOf =>
  (req) => {
    requireClearFraming(req)
    return checked(req)
  }

type TargetOf = (req: IncomingMessage) => Located<Entrance>

/** Throws for a message that another reader could take for a different one. */
const requireClearFraming = ({ httpVersionMajor, headers }: IncomingMessage): void => {
  // Node's parser takes 0.9 and 2.0 as well, with the rules of 1.1 (RFC 9112 section 2.3).
  if (httpVersionMajor !== 1)
    throw new BrokerError('invalid_request', { detail: 'This is not HTTP/1.1.' })
  // Any coding before `chunked` would reach the upstream undone, as if it were the body (RFC 9112 section 6.1).
  const coding = headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    throw new BrokerError('invalid_request', { detail: 'The Transfer-Encoding is not "chunked".' })
}
