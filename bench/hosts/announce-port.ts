import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Listens on a free loopback port and writes one line of JSON that says where, for the process that started this one. */
export const announcePort = (server: Server): void => {
  server.listen(0, '127.0.0.1', () => {
    // A listening TCP server has an address of this shape.
    const { port } = server.address() as AddressInfo
    process.stdout.write(`${JSON.stringify({ origin: `http://127.0.0.1:${port}` })}\n`)
  })
}
