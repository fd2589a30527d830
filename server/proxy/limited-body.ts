import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { Transform } from 'node:stream'
import { BrokerError } from '../core/errors.ts'

/** An upload that will not come to its end: nobody is there to be answered, or nobody deserves to be waited for. */
export class UploadCut extends Error {
  override readonly name = 'UploadCut'
  readonly reason: 'stalled' | 'client_gone'

  constructor(reason: 'stalled' | 'client_gone') {
    super(reason)
    this.reason = reason
  }
}

export type BodyLimits = {
  readonly limitBytes: number
  /** How long the client may send nothing. */
  readonly idleMs: number
}

/**
 * The request's body for the upstream, failing with `body_too_large` once it is longer than the route allows, and with
 * `UploadCut` once the client sends nothing more.
 *
 * Its failure, or an upstream that answers early, destroys this copy: done to the request itself, that would close the
 * client's connection, perhaps before its answer is out. What then still comes is read and dropped.
 */
export const limitedBody = (req: IncomingMessage, { limitBytes, idleMs }: BodyLimits): Readable => {
  let seenBytes = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seenBytes += chunk.length
      idle.refresh()
      if (seenBytes > limitBytes) done(new BrokerError('body_too_large'))
      else done(null, chunk)
    },
    flush(done) {
      clearTimeout(idle)
      done()
    },
  })
  const idle = setTimeout(() => {
    // What lies here waits for the upstream, which has a timeout of its own.
    if (counted.readableLength + counted.writableLength > 0) idle.refresh()
    else counted.destroy(new UploadCut('stalled'))
  }, idleMs)
  req.once('close', () => {
    if (!req.complete) counted.destroy(new UploadCut('client_gone'))
  })
  counted.once('close', () => {
    clearTimeout(idle)
    req.unpipe(counted)
    req.resume()
  })
  return req.pipe(counted)
}
