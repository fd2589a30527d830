import { askAt } from './admin.ts'
import { addRealm } from './further-realm.ts'
import type { ClientRepresentation, PersonName } from './realm.ts'
import { users } from './realm.ts'

const realmName = 'latchkey-organisations'

/** Who is where: bob in both, carol in none. */
const members = { acme: ['alice', 'bob'], globex: ['bob'] } as const
export type Organisation = keyof typeof members

/** A realm with two organisations, made as an administrator would make them. */
const startOrganisations = async () => {
  const realm = await addRealm(realmName, users, { organizationsEnabled: true })
  const ask = askAt(new URL(`${realm.origin}/admin/realms/${realmName}/organizations`))
  const add = async (alias: string): Promise<string> => {
    const domains = [{ name: `${alias}.example` }]
    const { headers } = await ask('POST', '', { name: alias, alias, domains, enabled: true })
    return headers.get('location')?.split('/').at(-1) ?? ''
  }
  const ids = { acme: await add('acme'), globex: await add('globex') }
  const join = async (organisation: Organisation, who: PersonName) =>
    ask('POST', `/${ids[organisation]}/members`, await realm.admin.idOfUser(who))
  for (const organisation of ['acme', 'globex'] as const)
    for (const who of members[organisation]) await join(organisation, who)
  const leave = async (organisation: Organisation, who: PersonName) =>
    ask('DELETE', `/${ids[organisation]}/members/${await realm.admin.idOfUser(who)}`)
  return { realm, join, leave }
}

let started: ReturnType<typeof startOrganisations> | undefined

/** Made by the first test that needs it; gone with its Keycloak. */
export const organisationsRealm = () => (started ??= startOrganisations())

/** The client with a mapper of its own, which writes organisations with their ids into the claim `org`. */
export const withIdsInOrg = (base: ClientRepresentation): ClientRepresentation => ({
  ...base,
  protocolMappers: [
    // The realm file has a list there.
    ...(base['protocolMappers'] as readonly object[]),
    {
      name: 'organisations with ids',
      protocol: 'openid-connect',
      protocolMapper: 'oidc-organization-membership-mapper',
      config: {
        'claim.name': 'org',
        'jsonType.label': 'JSON',
        multivalued: 'true',
        addOrganizationId: 'true',
        'id.token.claim': 'true',
      },
    },
  ],
})
