import type { TestContext } from 'node:test'
import type { DemoOptions } from '../../server/demo/demo.ts'
import * as client from 'openid-client'
import { startDemo } from '../../server/demo/demo.ts'
import { jar } from './jar.ts'

export const appOrigin = 'http://localhost:9'
const redirectUri = `${appOrigin}/callback`

/** A running demo, closed when the test ends, with a relying party and a browser. */
export const startWorld = async (t: TestContext, options: Partial<DemoOptions> = {}) => {
  const errors: unknown[] = []
  const demo = await startDemo({
    origin: appOrigin,
    onError: (error) => errors.push(error),
    ...options,
  })
  t.after(demo.close)
  const relyingParty = await client.discovery(
    new URL(demo.issuer),
    demo.clientId,
    {},
    client.ClientSecretBasic(demo.clientSecret),
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the demo is http on loopback
    { execute: [client.allowInsecureRequests] },
  )
  return { demo, relyingParty, browser: jar(), errors }
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** An authorization request with PKCE, and what the code's exchange needs. */
export const authorizationRequest = async (
  { relyingParty }: World,
  extra: Record<string, string> = {},
) => {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const url = client.buildAuthorizationUrl(relyingParty, {
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...extra,
  })
  return { url, checks: { pkceCodeVerifier: verifier, expectedState: state } }
}

/** The login form as the browser reached it. */
export const openForm = async (world: World, extra?: Record<string, string>) => {
  const { url, checks } = await authorizationRequest(world, extra)
  const first = await world.browser.get(url)
  const formUrl = first.location
  if (formUrl === undefined) throw new Error(`no redirect to the form: ${first.text}`)
  const page = await world.browser.get(formUrl)
  return { formUrl, page, checks }
}

/** Logs in through the form, and changes the code for tokens. */
export const logIn = async (world: World, username: string) => {
  const { formUrl, checks } = await openForm(world)
  const user = world.demo.users.find(({ user }) => user === username)
  const sent = await world.browser.post(formUrl, { username, password: user?.password ?? '' })
  const end = await world.browser.follow(sent, formUrl.host)
  if (end.location === undefined) throw new Error(`login stayed at the provider: ${end.text}`)
  const tokens = await client.authorizationCodeGrant(world.relyingParty, end.location, checks)
  return { tokens, callback: end.location }
}
