import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

export type Seen = {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: string
}

/** An API that keeps what it was sent and answers as the test says. */
export const startUpstream = async () => {
  const seen: Seen[] = []
  let answer = (_req: IncomingMessage, res: ServerResponse, body: string): void => {
    res.setHeader('Content-Type', 'application/json')
    res.end(JSON.stringify({ ok: true, length: body.length }))
  }
  let onUpgrade = (_req: IncomingMessage, socket: Duplex, _head: Buffer): void => {
    socket.destroy()
  }
  const note = (req: IncomingMessage, body: string) => {
    const { method = '', url = '', headers, rawHeaders } = req
    seen.push({ method, url, headers, rawHeaders, body })
  }
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8')
      note(req, body)
      answer(req, res, body)
    })
  })
  server.on('upgrade', (req, socket, head) => {
    note(req, '')
    onUpgrade(req, socket, head)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    seen,
    server,
    last: (): Seen => {
      const last = seen.at(-1)
      if (last === undefined) throw new Error('the upstream has seen nothing')
      return last
    },
    answerWith: (handler: typeof answer) => {
      answer = handler
    },
    upgradeWith: (handler: typeof onUpgrade) => {
      onUpgrade = handler
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

export type Upstream = Awaited<ReturnType<typeof startUpstream>>
