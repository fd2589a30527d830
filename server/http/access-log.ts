import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { requestIdOf } from './request-id.ts'

type AccessDeps = { readonly clock: Clock; readonly log: Log }

/** Writes one line when the answer has gone or was cut; never the query, which carries `code` and `state`. */
export const logAccess = (deps: AccessDeps, req: IncomingMessage, res: ServerResponse): void => {
  const write = accessLine(deps, req)
  // `on`: it comes once, and `once` costs each call a wrapper.
  res.on('close', () => {
    write({ status: res.statusCode, cut: !res.writableFinished })
  })
}

/** The same for an upgrade, when its connection has closed; gives what takes the status of its handshake. */
export const logUpgrade = (
  deps: AccessDeps,
  req: IncomingMessage,
  socket: Duplex,
): ((status: number) => void) => {
  const write = accessLine(deps, req)
  let status: number | undefined
  socket.once('close', () => {
    write({ status, cut: status === undefined })
  })
  return (answered) => {
    status = answered
  }
}

type Ended = { readonly status: number | undefined; readonly cut: boolean }

const accessLine = ({ clock, log }: AccessDeps, req: IncomingMessage) => {
  const startMs = clock.nowMs()
  const path = (req.url ?? '').split('?', 1)[0]
  // A WebSocket may be open for days: of its request this is kept, and nothing else.
  const requestId = requestIdOf(req)
  const { method } = req
  return ({ status, cut }: Ended): void => {
    log.info(
      {
        request_id: requestId,
        method,
        path,
        status,
        duration_ms: clock.nowMs() - startMs,
        ...(cut && { cut }),
      },
      'request',
    )
  }
}
