import type { AddressInfo } from 'node:net'
import express from 'express'
import type { AccessToken, RequireOptions } from '../../server/token-validation/service.ts'
import { accessTokenOf, requireAccessToken } from '../../server/token-validation/service.ts'
import type { Cleanup } from '../support/redis-server.ts'

/** A service in Express as docs/services.md has it, for one realm's tokens; keeps what it passed and why it refused. */
export const startOrderService = async (
  t: Cleanup,
  options: Pick<RequireOptions, 'issuer' | 'roles' | 'scopes' | 'tenant'>,
) => {
  const passed: AccessToken[] = []
  const refused: string[] = []
  const app = express()
  app.use(
    requireAccessToken({
      audience: 'orders-api',
      profile: 'keycloak',
      onRefused: ({ reason }) => refused.push(reason),
      ...options,
    }),
  )
  app.use((req, res) => {
    const token = accessTokenOf(req)
    passed.push(token)
    res.json({ sub: token.sub, roles: token.roles, tenants: token.tenants })
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
    return Promise.resolve()
  })
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, passed, refused }
}
