import type { IncomingMessage } from 'node:http'

/** The body as text, or nothing when it is longer than allowed. */
export const readBody = async (
  req: IncomingMessage,
  maxBytes: number,
): Promise<string | undefined> => {
  const chunks: Buffer[] = []
  let bytes = 0
  // A destroyed request takes its socket along, and with it the answer.
  const parts: AsyncIterable<Buffer> = req.iterator({ destroyOnReturn: false })
  for await (const chunk of parts) {
    bytes += chunk.length
    if (bytes > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
