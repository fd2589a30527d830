import { readFileSync } from 'node:fs'
import { importRealm, keycloakAdmin } from './admin.ts'
import type { Realm } from './realm.ts'
import { file, recorded } from './realm.ts'
import { realm } from './shared-realm.ts'

/** One realm more in the same Keycloak: the documented one by another name, without its client. */
export const addRealm = async (name: string, users: readonly object[], over: object = {}) => {
  const { origin, imported } = await realm()
  const documented = JSON.parse(readFileSync(file, 'utf8')) as object
  await importRealm(origin, { ...documented, ...over, realm: name, clients: [] })
  const admin = keycloakAdmin(origin, name)
  await admin.addUsers(users)
  await admin.recordEvents(recorded)
  const added: Realm = { origin, imported, issuer: `${origin}/realms/${name}`, admin }
  return added
}
