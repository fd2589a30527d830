import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Listens on a free loopback port and writes one line of JSON about it, for the process that started this one. */
export const announcePort = (server: Server, facts: object = {}): void => {
  server.listen(0, 'localhost', () => {
    // A listening TCP server has an address of this shape.
    const { port } = server.address() as AddressInfo
    process.stdout.write(`${JSON.stringify({ port, ...facts })}\n`)
  })
}
