import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Env } from '../../server/config/reader.ts'
import { loaded } from '../config/loading.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import { startWorld } from '../support/world.ts'

const limit = { timeout: 30_000 }

/** A broker whose tenant is as the settings make it, before the scripted issuer. */
const startProfile = (t: TestContext, env: Env) =>
  startWorld(t, {
    config: (config) => ({
      ...config,
      tenant:
        loaded({
          OIDC_ISSUER: config.tenant.issuer,
          OIDC_CLIENT_ID: scriptedClient.id,
          OIDC_CLIENT_SECRET: scriptedClient.secret,
          ...env,
        }).tenant ?? config.tenant,
    }),
  })

test(
  'profiles › google › a refresh token is asked for, but prompt=none stays what it is',
  limit,
  async (t) => {
    const { newBrowser } = await startProfile(t, { OIDC_PROFILE: 'google' })
    const sent = async (path: string) => {
      const { headers } = await newBrowser().visit(path)
      const query = new URL(headers.location ?? '').searchParams
      return [query.get('access_type'), query.get('prompt')]
    }
    assert.deepEqual(await sent('/login'), ['offline', 'consent'])
    assert.deepEqual(await sent('/login?prompt=none'), ['offline', 'none'])
  },
)

const logOut = async (world: Awaited<ReturnType<typeof startProfile>>) => {
  const user = await world.loggedIn()
  const headers = { ...(await user.csrf()), 'content-type': 'application/x-www-form-urlencoded' }
  const body = 'return_to=%2Fbye'
  const { status, headers: answer } = await user.visit('/logout', 'same-origin', { method: 'POST', headers, body }) // prettier-ignore
  assert.equal(status, 303)
  assert.equal((await user.session())['authenticated'], false)
  return new URL(answer.location ?? '', world.origin)
}

test('profiles › google › no end_session_endpoint: logged out here, and back', limit, async (t) => {
  const world = await startProfile(t, { OIDC_PROFILE: 'google' })
  world.issuer.script.alterMetadata = ({ end_session_endpoint: _none, ...rest }) => rest
  assert.equal((await logOut(world)).href, `${world.origin}/bye`)
  assert.equal(world.issuer.revoked.length, 1)
})

for (const isListed of [false, true])
  test(
    `profiles › cognito, its logout ${isListed ? 'in' : 'not in'} the metadata › client_id and logout_uri, no token in the address`,
    limit,
    async (t) => {
      const world = await startProfile(t, { OIDC_PROFILE: 'cognito' })
      if (!isListed)
        world.issuer.script.alterMetadata = ({ end_session_endpoint: _none, ...rest }) => rest
      const { origin, pathname, searchParams } = await logOut(world)
      assert.equal(`${origin}${pathname}`, `${world.issuer.issuer}/logout`)
      assert.deepEqual(Object.fromEntries(searchParams), {
        client_id: scriptedClient.id,
        logout_uri: `${world.origin}/logout/callback`,
      })
    },
  )

test('profiles › generic › RP-initiated logout as the specification has it', limit, async (t) => {
  const { searchParams } = await logOut(await startProfile(t, {}))
  assert.deepEqual([...searchParams.keys()].sort(), [
    'client_id',
    'id_token_hint',
    'post_logout_redirect_uri',
    'state',
  ])
})

test(
  "profiles › keycloak › roles of the realm and of our client, each once, nobody else's",
  limit,
  async (t) => {
    const { issuer, loggedIn } = await startProfile(t, { OIDC_PROFILE: 'keycloak' })
    issuer.script.idTokenClaims = {
      roles: ['ignored'],
      realm_access: { roles: ['orders-read', 'both'] },
      resource_access: {
        [scriptedClient.id]: { roles: ['both', 'clerk'] },
        account: { roles: ['manage-account'] },
      },
    }
    const { roles } = await (await loggedIn()).session()
    assert.deepEqual(roles, ['orders-read', 'both', 'clerk'])
  },
)
