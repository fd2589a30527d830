import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { requestIdOf } from './request-id.ts'

/** Writes one line when the answer has gone or was cut; never the query, which carries `code` and `state`. */
export const logAccess = (
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  req: IncomingMessage,
  res: ServerResponse,
): void => {
  const startMs = clock.nowMs()
  const path = (req.url ?? '').split('?', 1)[0]
  res.once('close', () => {
    log.info(
      {
        request_id: requestIdOf(req),
        method: req.method,
        path,
        status: res.statusCode,
        duration_ms: clock.nowMs() - startMs,
        ...(!res.writableFinished && { cut: true }),
      },
      'request',
    )
  })
}
