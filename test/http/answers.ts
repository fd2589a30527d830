import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

type Asked = {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** What goes over a real wire when `handler` answers. */
export const answersOf = async (
  t: TestContext,
  handler: (req: IncomingMessage, res: ServerResponse) => void,
) => {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return (asked: Asked = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const { path = '/', method = 'GET', headers = {}, body } = asked
      const req = request({ host: '127.0.0.1', port, path, method, headers, agent: false })
      req.once('error', reject)
      req.once('response', (res) => {
        const chunks: Buffer[] = []
        res.on('data', (chunk: Buffer) => chunks.push(chunk))
        res.once('error', reject)
        res.once('end', () =>
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            text: Buffer.concat(chunks).toString('utf8'),
          }),
        )
      })
      req.end(body)
    })
}
