import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Requirement } from '../../server/config/config.ts'
import type { Browser } from './browser.ts'
import { asksAllowed } from './forward-auth.ts'
import { route, startWorld } from './world.ts'
import type { World, WorldOptions } from './world.ts'

export const mfa = 'urn:example:mfa'

/** A world with a route `/api/x` of these rules, and one person logged in by password. */
export const startStrictWorld = async (
  t: TestContext,
  require: Requirement | undefined,
  options: WorldOptions = {},
) => {
  const world = await startWorld(t, {
    config: asksAllowed,
    routes: ({ origin }) => [route('/api/x', origin, { require, websocket: true })],
    ...options,
  })
  loginsAre(world, { acr: 'pwd', secondsAgo: 3_600 })
  return { world, user: await world.loggedIn() }
}

/** What the provider says of logins from now on; without a time, it says none. */
export const loginsAre = (
  { issuer, clock }: World,
  login: { acr?: string | undefined; secondsAgo?: number | undefined },
): void => {
  const now = Math.floor(clock.nowMs() / 1_000)
  const authTime = login.secondsAgo === undefined ? undefined : now - login.secondsAgo
  issuer.script.idTokenClaims = { acr: login.acr, auth_time: authTime }
}

/** The login_url of a call that is refused for a stronger login. */
export const stepUpUrl = async (
  user: Browser,
  path = '/api/x',
  headers: Record<string, string> = {},
): Promise<string> => {
  const answer = await user.call(path, { headers })
  assert.deepEqual([answer.status, answer.json()['code']], [401, 'step_up_required'], answer.text)
  return String(answer.json()['login_url'])
}

/** The API calls every login too weak, in these words, until the result is called. */
export const challengeWith = ({ upstream }: World, challenge: string): (() => void) => {
  upstream.answerWith((_req, res) => {
    res.writeHead(401, { 'WWW-Authenticate': challenge }).end('the words of the API')
  })
  return () => upstream.answerWith((_req, res) => res.end('taken'))
}
