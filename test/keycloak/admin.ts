import type { ClientRepresentation } from './realm.ts'
import { admin } from '../support/keycloak.ts'

export type KeycloakEvent = {
  readonly type: string
  readonly sessionId?: string
  readonly error?: string
}

type UserSession = { readonly id: string; readonly username: string }

/** Asks the admin API below an address, as its administrator. */
export const askAt =
  (base: URL) =>
  async (method: string, path: string, body?: unknown): Promise<Response> => {
    const answer = await fetch(`${base.href}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${await adminToken(base.origin)}`,
        'Content-Type': 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }

/** Imports one realm more, as `--import-realm` does it at a start. */
export const importRealm = (origin: string, realm: object) =>
  askAt(new URL(`${origin}/admin/realms`))('POST', '', realm)

/** Keycloak's admin API, as an administrator of one realm would use it. */
export const keycloakAdmin = (origin: string, realmName: string) => {
  const ask = askAt(new URL(`${origin}/admin/realms/${realmName}`))
  const read = async <T>(path: string): Promise<readonly T[]> =>
    // Keycloak's own shapes, as far as they are used here.
    (await (await ask('GET', path)).json()) as readonly T[]

  const idOfUser = async (username: string): Promise<string> => {
    const [user] = await read<{ id: string }>(`/users?exact=true&username=${username}`)
    if (user === undefined) throw new Error(`nobody is named ${username}`)
    return user.id
  }

  return {
    idOfUser,
    addUsers: (users: readonly object[]) =>
      ask('POST', '/partialImport', { ifResourceExists: 'FAIL', users }),
    recordEvents: (types: readonly string[]) =>
      ask('PUT', '/events/config', { eventsEnabled: true, enabledEventTypes: types }),
    /** Resolves with the id that the admin API knows the client by. */
    addClient: async (client: ClientRepresentation): Promise<string> => {
      const { headers } = await ask('POST', '/clients', client)
      return headers.get('location')?.split('/').at(-1) ?? ''
    },
    realm: async () => (await (await ask('GET', '')).json()) as Readonly<Record<string, unknown>>,
    client: async (id: string) =>
      (await (await ask('GET', `/clients/${id}`)).json()) as ClientRepresentation,
    /** Makes a role of the client's own, and gives it to somebody. */
    giveClientRole: async (id: string, name: string, username: string) => {
      await ask('POST', `/clients/${id}/roles`, { name })
      const role: unknown = await (await ask('GET', `/clients/${id}/roles/${name}`)).json()
      const path = `/users/${await idOfUser(username)}/role-mappings/clients/${id}`
      await ask('POST', path, [role])
    },
    /** A role of the realm's for the client itself. */
    giveServiceRole: async (id: string, name: string) => {
      const user = (await (await ask('GET', `/clients/${id}/service-account-user`)).json()) as { id: string } // prettier-ignore
      const role: unknown = await (await ask('GET', `/roles/${name}`)).json()
      await ask('POST', `/users/${user.id}/role-mappings/realm`, [role])
    },
    removeClient: (id: string) => ask('DELETE', `/clients/${id}`),
    eventsOf: (clientId: string, type: string) =>
      read<KeycloakEvent>(`/events?client=${clientId}&type=${type}&max=100000`),
    sessionsOf: (id: string) => read<UserSession>(`/clients/${id}/user-sessions?max=1000`),
    endSession: (sid: string) => ask('DELETE', `/sessions/${sid}`),
    logOutUser: async (username: string) =>
      ask('POST', `/users/${await idOfUser(username)}/logout`),
    logOutAll: () => ask('POST', '/logout-all'),
    disable: async (username: string) =>
      ask('PUT', `/users/${await idOfUser(username)}`, { enabled: false }),
  }
}

export type KeycloakAdmin = ReturnType<typeof keycloakAdmin>

const adminToken = async (origin: string): Promise<string> => {
  const answer = await fetch(`${origin}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', ...admin }),
    signal: AbortSignal.timeout(30_000),
  })
  const { access_token: token } = (await answer.json()) as { access_token?: string }
  if (token === undefined) throw new Error(`no admin token: ${answer.status}`)
  return token
}
