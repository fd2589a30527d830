import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Cleanup } from '../support/redis-server.ts'
import type { Families } from './families.ts'
import type { Sighting } from './history.ts'

/** An API that takes only tokens which its provider issued and which are not over, and notes every one. */
export const startApi = async (t: Cleanup, books: Families) => {
  const sightings: Sighting[] = []
  const counts = { calls: 0, unknown: 0, expired: 0 }
  const accepts = (authorization: string | undefined): boolean => {
    const access = books.accessToken(authorization?.replace(/^Bearer /, '') ?? '')
    if (access === undefined) {
      counts.unknown += 1
      return false
    }
    const { lifeMs, expiresMs, replacedMs, family } = access
    const atMs = Date.now()
    sightings.push({ user: family.user, atMs, lifeMs, expiresMs, replacedMs })
    if (atMs <= expiresMs) return true
    counts.expired += 1
    return false
  }
  const server = createServer((req, res) => {
    counts.calls += 1
    req.resume()
    if (accepts(req.headers.authorization)) {
      res.setHeader('Content-Type', 'application/json')
      return void res.end('{"ok":true}')
    }
    res.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end()
  })
  server.keepAliveTimeout = 120_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => void server.close(() => resolve()))
  })
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, sightings, counts }
}

export type Api = Awaited<ReturnType<typeof startApi>>
