import type { TestContext } from 'node:test'
import { brokerServer, serve } from '../../server/broker-server.ts'
import { createBroker } from '../../server/create-broker.ts'
import type { BrokerConfig } from '../../server/config/ready-config.ts'
import type { Backend } from '../../server/session/backend.ts'
import type { Browser } from './browser.ts'
import { send } from './browser.ts'
import type { World } from './world.ts'
import { listen } from './world.ts'

/** Another instance of the world's broker: the same settings and store, nothing else in common. */
export const startSecondBroker = async (
  t: TestContext,
  world: Pick<World, 'clock' | 'backend' | 'origin'> & { readonly config: BrokerConfig },
  backend: Backend = world.backend,
) => {
  const broker = createBroker(world.config, { clock: world.clock, backend })
  const server = brokerServer()
  serve(server, broker)
  const port = await listen(server)
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await broker.close()
  })
  /** A call of the app's that the load balancer sent here. */
  const call = (user: Browser, path: string, host = new URL(world.origin).host) =>
    send(`http://localhost:${port}${path}`, {
      headers: {
        host,
        cookie: user.cookieHeader(),
        'sec-fetch-site': 'same-origin',
      },
    })
  return { broker, call, origin: `http://localhost:${port}` }
}
