import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import { once } from 'node:events'

export type LoopbackServer = {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string
  readonly serve: (listener: RequestListener) => void
  /** Ends open sockets too. */
  readonly close: () => Promise<void>
}

/** A server that this machine alone can reach; it listens at once, because the handler wants the port. */
export const listenOnLoopback = async (port: number): Promise<LoopbackServer> => {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  // A listening TCP server has an AddressInfo; a string would be a pipe.
  const address = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${address.port}`,
    serve: (listener) => server.on('request', listener),
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
