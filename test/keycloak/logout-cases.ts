import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from '../support/browser.ts'
import type { Person } from './person.ts'
import { asksForPassword } from './person.ts'
import type { ClientRepresentation, PersonName, Realm } from './realm.ts'
import { lanes, setups } from './setups.ts'
import { realm } from './shared-realm.ts'
import { startWorld } from './world.ts'

const verdict = ({ status, json }: Answer) => [status, json()['code']]

for (const { name, brokers, lane } of setups)
  test(
    `${name} › logout in the app › ends its session there too, and the next login asks for the password`,
    lane,
    async (t) => {
      const { admin } = await realm()
      const { origin, client, events, newPerson } = await startWorld(t, await realm(), { brokers })
      const { app, logIn, logOut } = newPerson()
      await logIn('alice')
      const cookie = app.cookieHeader()
      assert.equal((await admin.sessionsOf(client.id)).length, 1)
      const landed = await logOut()
      assert.deepEqual([landed.url, landed.status], [`${origin}/`, 200])
      assert.deepEqual(await admin.sessionsOf(client.id), [])
      assert.equal((await events('REVOKE_GRANT')).length, 1)
      const replayed = await app.call('/api/me', { headers: { cookie } })
      assert.deepEqual(verdict(replayed), [401, 'session_revoked'])
      assert.ok(asksForPassword(await app.navigate('/login')))
    },
  )

/** Asks until the answer is a refusal, for two seconds at most: Keycloak tells the broker in its own time. */
const refusal = async (ask: () => Promise<Answer>): Promise<unknown[]> => {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const answer = await ask()
    if (answer.status !== 200) return verdict(answer)
    await sleep(100)
  }
  return [200, 'still served']
}

for (const { name, brokers, lane } of setups)
  test(
    `${name} › two apps in one Keycloak session › the second login asks nothing; logout in one ends both`,
    lane,
    async (t) => {
      const { newPerson } = await startWorld(t, await realm(), { brokers })
      const other = await startWorld(t, await realm(), { hostname: '127.0.0.1' })
      const { app, logIn, logOut } = newPerson()
      await logIn('alice')
      const landed = await app.navigate(`${other.origin}/login`)
      assert.equal(landed.url, `${other.origin}/`)
      const there = () => app.call(`${other.origin}/api/me`)
      assert.equal((await there()).status, 200)
      await logOut()
      assert.deepEqual(await refusal(there), [401, 'session_revoked'])
    },
  )

/** The page of Keycloak's own logout, as another app's user or an account page comes to it. */
const logOutAtKeycloak = async ({ issuer }: Realm, { app, sendForm }: Person): Promise<void> => {
  const page = await app.navigate(`${issuer}/protocol/openid-connect/logout`)
  const done = await sendForm(page, { confirmLogout: 'Logout' })
  assert.match(done.text, /logged out/i)
}

type ClientChange = (base: ClientRepresentation) => ClientRepresentation
type Ending = (realm: Realm, sid: string, alice: Person) => Promise<unknown>

const endings: readonly { how: string; end: Ending; laptop: number }[] = [
  {
    how: 'an administrator ends the session',
    end: ({ admin }, sid) => admin.endSession(sid),
    laptop: 200,
  },
  {
    how: 'an administrator logs the user out everywhere',
    end: ({ admin }) => admin.logOutUser('alice'),
    laptop: 401,
  },
  {
    how: 'the user logs out at Keycloak itself',
    end: (at, _sid, alice) => logOutAtKeycloak(at, alice),
    laptop: 200,
  },
]

for (const { how, end, laptop: expected } of endings)
  test(
    `Keycloak, BCL-2.7-a, BCL-2.4-a › ${how} › the broker's session is over on both instances, others live on (her laptop: ${expected})`,
    lanes,
    async (t) => {
      const { admin } = await realm()
      const world = await startWorld(t, await realm(), { brokers: 2 })
      const [alice, laptop, bob] = [world.newPerson(), world.newPerson(), world.newPerson()]
      await alice.logIn('alice')
      const [session] = await admin.sessionsOf(world.client.id)
      await laptop.logIn('alice')
      await bob.logIn('bob')
      for (const index of [0, 1])
        assert.equal((await world.callAt(index, alice)).status, 200, 'alive before')
      await end(await realm(), session?.id ?? '', alice)
      for (const index of [0, 1]) {
        assert.deepEqual(await refusal(() => world.callAt(index, alice)), [401, 'session_revoked'])
        assert.equal((await world.callAt(index, bob)).status, 200)
        if (expected === 200) assert.equal((await world.callAt(index, laptop)).status, 200)
        else assert.equal((await refusal(() => world.callAt(index, laptop)))[0], 401)
      }
      assert.deepEqual(await world.events('REFRESH_TOKEN_ERROR'), [])
      assert.equal((await alice.app.session())['authenticated'], false)
      await alice.logIn('alice')
      assert.equal((await world.callAt(1, alice)).status, 200, 'the next login is not ended')
    },
  )

/** What Keycloak tells no client of, or not this one. */
type SilentEnding = {
  readonly how: string
  readonly client?: ClientChange
  readonly who?: PersonName
  readonly end: Ending
}

const everybody: SilentEnding = {
  how: 'every session of the realm is signed out',
  end: ({ admin }) => admin.logOutAll(),
}

const silentEndings: readonly SilentEnding[] = [
  { how: 'the user is disabled', who: 'carol', end: ({ admin }) => admin.disable('carol') },
  {
    how: 'a session is ended, and the client has no back-channel logout URL',
    client: (base) => ({
      ...base,
      attributes: { ...base.attributes, 'backchannel.logout.url': '' },
    }),
    end: ({ admin }, sid) => admin.endSession(sid),
  },
  {
    how: 'a session is ended, and the client has front-channel logout on',
    client: (base) => ({ ...base, frontchannelLogout: true }),
    end: ({ admin }, sid) => admin.endSession(sid),
  },
]

const showSilentEnding = ({ how, client, who = 'alice', end }: SilentEnding) => {
  test(
    `Keycloak › ${how} › the next refresh ends the broker's session, by one grant`,
    lanes,
    async (t) => {
      const { admin } = await realm()
      const world = await startWorld(t, await realm(), {
        brokers: 2,
        accessTokenSeconds: 3,
        ...(client !== undefined && { client }),
      })
      const somebody = world.newPerson()
      await somebody.logIn(who)
      const [session] = await admin.sessionsOf(world.client.id)
      await end(await realm(), session?.id ?? '', somebody)
      await sleep(3_500)
      const calls = Array.from({ length: 20 }, (_, n) => world.callAt(n, somebody))
      for (const answer of await Promise.all(calls))
        assert.deepEqual(verdict(answer), [401, 'session_expired'])
      assert.equal((await world.events('REFRESH_TOKEN_ERROR')).length, 1)
      assert.equal((await somebody.app.session())['authenticated'], false)
    },
  )
}

showSilentEnding(everybody)

// Each waits for time to pass, in a Keycloak session of its own.
suite('Keycloak, endings that it tells nobody of', { concurrency: 3 }, () => {
  for (const ending of silentEndings) showSilentEnding(ending)
})
