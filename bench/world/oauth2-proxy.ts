import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { browser } from '../../test/support/browser.ts'
import { formOf } from '../../test/demo/jar.ts'
import { freePort } from '../../test/support/redis-server.ts'
import type { Target } from '../measure/load.ts'
import { startChild } from './children.ts'
import type { Ending } from './ending.ts'
import { untilAnswered } from './until-answered.ts'
import type { Surroundings } from './world.ts'
import { calledPath, startOwnHost } from './world.ts'

export const hasOauth2Proxy = (): boolean =>
  spawnSync('oauth2-proxy', ['--version']).error === undefined

/** oauth2-proxy with its Redis store before the same upstream, and somebody logged in at a real provider. */
export const startOauth2Proxy = async (t: Ending, around: Surroundings): Promise<Target> => {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const redirectUri = `${origin}/oauth2/callback`
  const clientSecret = randomBytes(32).toString('base64url')
  const args = [origin, redirectUri, clientSecret]
  const provider = await startOwnHost(t, 'demo-provider.ts', args)
  const flags = {
    provider: 'oidc',
    'oidc-issuer-url': provider.origin,
    'client-id': 'peer',
    'client-secret': clientSecret,
    'redirect-url': redirectUri,
    scope: 'openid profile email',
    'code-challenge-method': 'S256',
    'session-store-type': 'redis',
    'redis-connection-url': `${around.redisUrl}/1`,
    'cookie-secret': randomBytes(16).toString('hex'),
    'cookie-secure': 'false',
    'email-domain': '*',
    'http-address': `127.0.0.1:${port}`,
    upstream: `${around.upstream}/`,
    'pass-access-token': 'true',
    // The provider's access tokens are for the API, not for its userinfo endpoint.
    'skip-claims-from-profile-url': 'true',
    'skip-provider-button': 'true',
    'request-logging': 'false',
    'auth-logging': 'false',
  }
  const child = startChild(
    'oauth2-proxy',
    Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
  )
  t.after(child.end)
  await untilAnswered(`${origin}/ping`)
  const cookie = await logIn(origin)
  return {
    name: 'oauth2-proxy',
    url: `${origin}${calledPath}`,
    pid: child.pid,
    headers: { cookie },
  }
}

/** A real login: the provider's form, filled in and sent. */
const logIn = async (origin: string): Promise<string> => {
  const user = browser(origin)
  const form = await user.navigate(calledPath)
  const { action, fields } = formOf(form.text, new URL(form.url))
  const sent = await user.visit(action.href, 'same-origin', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...fields, username: 'alice', password: 'wonderland' }).toString(),
  })
  const landed = await user.navigate(new URL(sent.headers.location ?? '', action).href)
  if (landed.status !== 200) throw new Error(`the login at oauth2-proxy ended: ${landed.status}`)
  return user.cookieHeader()
}
