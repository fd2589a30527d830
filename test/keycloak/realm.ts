import { readFileSync } from 'node:fs'
import type { Cleanup } from '../support/redis-server.ts'
import type { Keycloak } from '../support/keycloak.ts'
import { startKeycloak } from '../support/keycloak.ts'
import { freePort } from '../support/redis-server.ts'
import type { KeycloakAdmin } from './admin.ts'
import { keycloakAdmin } from './admin.ts'

/** The realm that docs/providers/keycloak.md tells to import. */
export const file = new URL('../../docs/providers/keycloak-realm.json', import.meta.url).pathname

export type ClientRepresentation = {
  readonly clientId: string
  readonly attributes: Readonly<Record<string, string>>
} & Readonly<Record<string, unknown>>

const realmName = 'latchkey'

export const people = {
  alice: { name: 'Alice Archer', password: 'wonderland', roles: ['orders-read', 'orders-write'] },
  bob: { name: 'Bob Baker', password: 'b:b %+&"ü', roles: ['orders-read'] },
  carol: { name: 'Carol Cook', password: 'christmas', roles: [] },
} as const

export type PersonName = keyof typeof people

/** The client of the file for a BASE_URL; a secret of characters that HTTP Basic has to encode. */
export const clientFor = (origin: string, secret: string): ClientRepresentation => {
  const text = readFileSync(file, 'utf8')
    .replaceAll('${BASE_URL}', origin)
    .replaceAll('"${OIDC_CLIENT_SECRET}"', JSON.stringify(secret))
  const { clients } = JSON.parse(text) as { clients: readonly [ClientRepresentation] }
  return clients[0]
}

export const users = Object.entries(people).map(([username, { name, password, roles }]) => {
  const [firstName, lastName] = name.split(' ')
  return {
    username,
    enabled: true,
    email: `${username}@shop.example`,
    emailVerified: true,
    firstName,
    lastName,
    credentials: [{ type: 'password', value: password }],
    realmRoles: roles,
  }
})

export const recorded = ['LOGIN', 'LOGOUT', 'REFRESH_TOKEN', 'REFRESH_TOKEN_ERROR', 'REVOKE_GRANT', 'CLIENT_LOGIN', 'TOKEN_EXCHANGE'] // prettier-ignore

export type Realm = Keycloak & {
  readonly issuer: string
  readonly admin: KeycloakAdmin
  /** The client that the import brought along: its BASE_URL is on this port. */
  readonly imported: { readonly port: number; readonly secret: string }
}

/** Keycloak with the documented realm and a few people. */
export const startRealm = async (t: Cleanup): Promise<Realm> => {
  const imported = { port: await freePort(), secret: 'imported-with-the-realm' }
  const keycloak = await startKeycloak(t, {
    file,
    values: {
      BASE_URL: `http://localhost:${imported.port}`,
      OIDC_CLIENT_SECRET: imported.secret,
    },
  })
  const admin = keycloakAdmin(keycloak.origin, realmName)
  await admin.addUsers(users)
  await admin.recordEvents(recorded)
  return { ...keycloak, issuer: `${keycloak.origin}/realms/${realmName}`, admin, imported }
}
