import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keycloakLane } from '../support/keycloak.ts'
import type { ClientRepresentation } from './realm.ts'
import { people } from './realm.ts'
import { setups } from './setups.ts'
import { realm } from './shared-realm.ts'
import { startWorld } from './world.ts'

const lane = keycloakLane()

type Mapper = { readonly name: string; readonly protocolMapper: string }

/** The client's mappers; an empty list where it has none. */
const mappersOf = (client: ClientRepresentation): readonly Mapper[] =>
  // As the realm file has them.
  client['protocolMappers'] as readonly Mapper[]

const audienceAlone = (client: ClientRepresentation): ClientRepresentation => ({
  ...client,
  protocolMappers: mappersOf(client).filter(
    ({ protocolMapper }) => protocolMapper === 'oidc-audience-mapper',
  ),
})

test(
  'Keycloak › without a mapper into the ID token › /session shows no role, while the access token has them',
  lane,
  async (t) => {
    const { newPerson } = await startWorld(t, await realm(), { client: audienceAlone })
    const { app, logIn } = newPerson()
    await logIn('alice')
    assert.deepEqual((await app.session())['roles'], [])
    const { roles } = (await app.call('/api/me')).json()
    assert.ok((roles as string[]).includes('orders-write'), String(roles))
  },
)

/** As keycloak.md says: User Client Role, our own client, the claim that Keycloak offers. */
const clientRoles = ({ clientId }: ClientRepresentation) => ({
  name: 'client roles in the ID token',
  protocol: 'openid-connect',
  protocolMapper: 'oidc-usermodel-client-role-mapper',
  config: {
    'usermodel.clientRoleMapping.clientId': clientId,
    'claim.name': 'resource_access.${client_id}.roles',
    'jsonType.label': 'String',
    multivalued: 'true',
    'id.token.claim': 'true',
  },
})

for (const { name, brokers, lane: needed } of setups)
  test(
    `${name} › roles of the realm and of the client, each by its mapper › /session shows both, once each`,
    needed,
    async (t) => {
      const { admin } = await realm()
      const { client, newPerson } = await startWorld(t, await realm(), {
        brokers,
        client: (base) => ({ ...base, protocolMappers: [...mappersOf(base), clientRoles(base)] }),
      })
      await admin.giveClientRole(client.id, 'clerk', 'alice')
      await admin.giveClientRole(client.id, 'orders-read', 'alice')
      const { app, logIn } = newPerson()
      await logIn('alice')
      const roles = (await app.session())['roles'] as string[]
      assert.deepEqual(roles.toSorted(), ['clerk', ...people.alice.roles])
    },
  )

test(
  'Keycloak › the realm file, read back from the admin API › every setting that keycloak.md names is in force',
  lane,
  async (t) => {
    const { admin } = await realm()
    const { client, origin } = await startWorld(t, await realm())
    const { revokeRefreshToken, refreshTokenMaxReuse, ssoSessionIdleTimeout } = await admin.realm()
    assert.deepEqual([revokeRefreshToken, refreshTokenMaxReuse, ssoSessionIdleTimeout], [true, 0, 2_100]) // prettier-ignore
    const { attributes, ...kept } = await admin.client(client.id)
    const { publicClient, standardFlowEnabled, frontchannelLogout, redirectUris } = kept
    assert.deepEqual([publicClient, standardFlowEnabled, frontchannelLogout], [false, true, false])
    assert.deepEqual(redirectUris, [`${origin}/callback`])
    assert.equal(attributes['post.logout.redirect.uris'], `${origin}/logout/callback`)
    assert.equal(attributes['backchannel.logout.url'], `${origin}/backchannel-logout`)
    assert.equal(attributes['backchannel.logout.session.required'], 'true')
    assert.equal(attributes['pkce.code.challenge.method'], 'S256')
    assert.deepEqual(
      mappersOf({ attributes, ...kept })
        .map(({ protocolMapper }) => protocolMapper)
        .toSorted(),
      ['oidc-audience-mapper', 'oidc-usermodel-realm-role-mapper'],
    )
  },
)
