import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Cleanup } from '../support/redis-server.ts'
import { gate } from '../support/gate.ts'
import { bodyText, sendJson } from '../support/plain-http.ts'

/**
 * Keycloak's metadata with a token endpoint of our own in front of the real one: from `hold` on, what Keycloak answers to a refresh
 * waits for `release`.
 */
export const startHoldingProxy = async (t: Cleanup, issuer: string) => {
  const read = async () =>
    (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Record<string, string> // prettier-ignore
  const endpoint = (await read())['token_endpoint'] ?? ''
  let origin = ''
  let isHolding = false
  let held = 0
  const released = gate<undefined>()
  const server = createServer((req, res) => {
    const answer = async () => {
      if (req.method === 'GET')
        return sendJson(res, 200, { ...(await read()), token_endpoint: `${origin}/token` })
      const body = await bodyText(req)
      const { authorization = '' } = req.headers
      const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }
      const real = await fetch(endpoint, { method: 'POST', headers, body })
      const json: unknown = await real.json()
      if (isHolding && body.includes('grant_type=refresh_token')) {
        held += 1
        await released.promise
      }
      sendJson(res, real.status, json)
    }
    answer().catch(() => res.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an address of this shape.
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.after(() => {
    server.closeAllConnections()
    server.close()
    return Promise.resolve()
  })
  return {
    discoveryUrl: `${origin}/.well-known/openid-configuration`,
    hold: () => {
      isHolding = true
    },
    release: () => {
      isHolding = false
      released.resolve(undefined)
    },
    held: () => held,
  }
}
