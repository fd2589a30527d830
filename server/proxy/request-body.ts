import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { Route } from '../config/config.ts'
import { limitedBody, UploadCut } from './limited-body.ts'

/** A body on its way to an upstream: none, held whole, or flowing. */
export type RequestBody = Buffer | Readable | null

/** Held whole so that the request can be sent again; a longer body flows, and can be sent once. */
const heldBytes = 65_536

/** Whether a request with this body can be sent a second time. */
export const isReplayable = (body: RequestBody): body is Buffer | null =>
  body === null || Buffer.isBuffer(body)

/** The body for the upstream, a short one when it is whole; rejects with `UploadCut` when it does not arrive. */
export const requestBody = (
  req: IncomingMessage,
  route: Route,
): RequestBody | Promise<RequestBody> => {
  const limits = { limitBytes: route.bodyLimitBytes, idleMs: route.timeoutMs.idle }
  if (req.headers['transfer-encoding'] !== undefined) return limitedBody(req, limits)
  const length = Number(req.headers['content-length'] ?? 0)
  if (length === 0) return null
  return length > heldBytes ? limitedBody(req, limits) : wholeBody(req, limits.idleMs)
}

const wholeBody = (req: IncomingMessage, idleMs: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    if (req.destroyed) return reject(new UploadCut('client_gone'))
    const chunks: Buffer[] = []
    const idle = setTimeout(() => reject(new UploadCut('stalled')), idleMs)
    req.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      idle.refresh()
    })
    req.once('end', () => resolve(Buffer.concat(chunks)))
    req.once('close', () => {
      clearTimeout(idle)
      // Says nothing to a promise that the end has resolved.
      reject(new UploadCut('client_gone'))
    })
  })
