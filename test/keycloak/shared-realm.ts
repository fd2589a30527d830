import { after } from 'node:test'
import { startRealm } from './realm.ts'
import type { Realm } from './realm.ts'

let started: Promise<Realm> | undefined
// Said now: an end that is said while a test runs would be that test's.
const ends: (() => Promise<void>)[] = []
after(async () => {
  for (const end of ends) await end()
})

/** One Keycloak for all tests of the lane, started by the first that needs it. */
export const realm = (): Promise<Realm> =>
  (started ??= startRealm({ after: (end) => ends.push(end) }))
