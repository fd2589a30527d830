import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { Transform, pipeline } from 'node:stream'
import { BrokerError } from '../core/errors.ts'

/** The request's body, failing with `body_too_large` once it is longer than the route allows and did not say so. */
export const limitedBody = (req: IncomingMessage, limitBytes: number): Readable => {
  let seenBytes = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seenBytes += chunk.length
      if (seenBytes > limitBytes) done(new BrokerError('body_too_large'))
      else done(null, chunk)
    },
  })
  // The failure reaches the caller through `counted`, which the request to the upstream reads.
  return pipeline(req, counted, () => undefined)
}
