import type { Server, ServerResponse } from 'node:http'
import { createServer, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Browser } from './browser.ts'
import type { World } from './world.ts'

export type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

/** An upstream whose handler gets the request unread, for bodies that must stream. */
export const startHttpUpstream = async (t: TestContext, handler: Handler) => {
  const server: Server = createServer((req, res) => void handler(req, res))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  // A listening TCP server has an address of this shape.
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** A call of the app's whose request and answer the test reads and writes by itself. */
export const openCall = async (
  world: World,
  user: Browser,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
) => {
  const headers = {
    cookie: user.cookieHeader(),
    'sec-fetch-site': 'same-origin',
    ...(await user.csrf()),
    ...options.headers,
  }
  const outgoing = request(`${world.origin}${path}`, { ...options, headers, agent: false })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.once('error', reject)
  })
  answered.catch(() => undefined)
  return { outgoing, answered }
}

/** All of a stream as one buffer; rejects when it is cut. */
export const readAll = async (stream: AsyncIterable<Buffer>): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
