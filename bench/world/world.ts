import { browser } from '../../test/support/browser.ts'
import { redisAvailable, startRedis } from '../../test/support/redis-server.ts'
import type { Target } from '../measure/load.ts'
import type { BrokerOptions, RunningBroker } from './broker.ts'
import { startBroker } from './broker.ts'
import type { Host } from './children.ts'
import { startHost } from './children.ts'
import type { Ending } from './ending.ts'
import { startNginx } from './nginx.ts'

/** Path of every measured call. */
export const calledPath = '/api/thing'

export type Surroundings = Pick<BrokerOptions, 'issuer' | 'redisUrl' | 'upstream'>

export const startOwnRedis = async (t: Ending): Promise<string> => {
  if (!redisAvailable()) throw new Error('install redis-server: sessions are measured in Redis')
  return (await startRedis(t)).url
}

/** What stands around a broker: Redis, an issuer, nginx as upstream. */
export const startSurroundings = async (t: Ending): Promise<Surroundings> => {
  const [redisUrl, upstream, issuer] = await Promise.all([
    startOwnRedis(t),
    startNginx(t),
    startOwnHost(t, 'issuer.ts'),
  ])
  return { redisUrl, upstream, issuer: issuer.origin }
}

export const startOwnHost = async (
  t: Ending,
  file: string,
  args: readonly string[] = [],
  nodeFlags: readonly string[] = [],
): Promise<Host> => {
  const host = await startHost(file, args, nodeFlags)
  t.after(host.end)
  return host
}

/** The headers of the app's own script for somebody who has just logged in. */
export const loggedInHeaders = async (
  origin: string,
): Promise<Readonly<Record<'cookie' | 'sec-fetch-site', string>>> => {
  const user = browser(origin)
  const landed = await user.navigate('/login')
  if (landed.status !== 200 || user.cookieHeader() === '')
    throw new Error(`the login at ${origin} ended with ${landed.status}`)
  return { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
}

export const brokerTarget = async (name: string, broker: RunningBroker): Promise<Target> => ({
  name,
  url: `${broker.origin}${calledPath}`,
  pid: broker.pid,
  headers: await loggedInHeaders(broker.origin),
})

/** The bare proxy before this upstream, asked with the same headers as the broker. */
const bareTarget = async (t: Ending, upstream: string, { headers }: Target): Promise<Target> => {
  const { origin, pid } = await startOwnHost(t, 'plain-proxy.ts', [upstream])
  return { name: 'bare proxy', url: `${origin}${calledPath}`, pid, headers }
}

/** Broker and bare proxy, ready for load. */
export const brokerAndBare = async (t: Ending) => {
  const around = await startSurroundings(t)
  const broker = await brokerTarget('broker', await startBroker(t, around))
  const bare = await bareTarget(t, around.upstream, broker)
  return { around, bare, broker }
}
