import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { Transform } from 'node:stream'
import { BrokerError } from '../core/errors.ts'

/**
 * The request's body for the upstream, failing with `body_too_large` once it is longer than the route allows.
 *
 * Its failure, or an upstream that answers early, destroys this copy: done to the request itself, that would close the
 * client's connection, perhaps before its answer is out. What then still comes is read and dropped.
 */
export const limitedBody = (req: IncomingMessage, limitBytes: number): Readable => {
  let seenBytes = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seenBytes += chunk.length
      if (seenBytes > limitBytes) done(new BrokerError('body_too_large'))
      else done(null, chunk)
    },
  })
  req.once('close', () => {
    if (!req.complete) counted.destroy(new Error('the client went away'))
  })
  counted.once('close', () => {
    req.unpipe(counted)
    req.resume()
  })
  return req.pipe(counted)
}
