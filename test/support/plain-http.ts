import type { IncomingMessage, ServerResponse } from 'node:http'

/** The whole body of a request. */
export const bodyText = async (req: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  // An IncomingMessage without encoding yields Buffers.
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** Answers with JSON that nobody may keep. */
export const sendJson = (res: ServerResponse, status: number, body: unknown): void => {
  res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
  res.end(JSON.stringify(body))
}
