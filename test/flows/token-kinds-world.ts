import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser } from '../support/browser.ts'
import { scriptGrants } from '../support/scripted-grants.ts'
import type { World, WorldOptions } from '../support/world.ts'
import { route, startWorld } from '../support/world.ts'

export const limit = { timeout: 30_000 }

/** A route of each kind, all to one upstream. */
const kindsOfRoutes: NonNullable<WorldOptions['routes']> = ({ origin }) => [
  route('/service', origin, { token: 'service', audience: 'stock', scope: 'stock.read' }),
  route('/exchange', origin, { token: 'exchange', audience: 'billing', scope: 'bills' }),
  route('/optional', origin, { token: 'optional', public: true }),
  route('/none', origin, { token: 'none' }),
]

/** The world with a scripted issuer that knows both grants, and somebody logged in. */
export const startKinds = async (t: TestContext, options: WorldOptions = {}) => {
  const world = await startWorld(t, { routes: kindsOfRoutes, ...options })
  const grants = scriptGrants(world.issuer)
  world.issuer.script.accessTokenSeconds = 3_600
  const user = await world.loggedIn()
  return { world, user, ...grants, tokenAt: tokenReader(world, user) }
}

/** The token that the upstream gets with a call, once it has been admitted. */
export const tokenReader =
  (world: World, user: Browser) =>
  async (path: string): Promise<string | undefined> => {
    const answer = await user.call(path)
    assert.equal(answer.status, 200, answer.text)
    return world.upstream.last().headers.authorization?.replace('Bearer ', '')
  }

/** The first token that is not the old one any more. */
export const tokenOtherThan = async (
  old: string | undefined,
  tokenNow: () => Promise<string | undefined>,
): Promise<string | undefined> => {
  for (let tries = 0; tries < 400; tries += 1) {
    const token = await tokenNow()
    if (token !== old) return token
    await sleep(10)
  }
  throw new Error('the old token goes on and on')
}

/** The API calls every token invalid that starts so, until told otherwise. */
export const refuseTokens = (world: World, isRefused: (token: string) => boolean): void => {
  world.upstream.answerWith((req, res) => {
    const token = (req.headers.authorization ?? '').replace('Bearer ', '')
    if (!isRefused(token)) return void res.end('{}')
    res.setHeader('WWW-Authenticate', 'Bearer error="invalid_token"')
    res.writeHead(401).end()
  })
}
