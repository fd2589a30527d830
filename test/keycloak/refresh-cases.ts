import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { storm } from './storm.ts'
import { lanes, setups } from './setups.ts'
import { realm } from './shared-realm.ts'
import { oddSecret, startWorld } from './world.ts'

const [{ lane }] = setups

const storms = [
  { instances: 2, parallel: 25, sessions: 1, rounds: 3, accessTokenSeconds: 4, width: 1 },
  { instances: 4, parallel: 10, sessions: 6, rounds: 2, accessTokenSeconds: 8, width: 6 },
] as const

for (const sizes of storms)
  test(
    `Keycloak with reuse 0, R12 › ${sizes.instances} instances, ${sizes.sessions} sessions, ${sizes.rounds} expiries each › one grant each, no call fails`,
    lanes,
    async (t) => {
      const figures = await storm(t, await realm(), sizes)
      const expiries = sizes.sessions * sizes.rounds
      assert.deepEqual(figures, {
        expiries,
        grants: expiries,
        refusedGrants: 0,
        calls: expiries * sizes.instances * sizes.parallel,
        failedCalls: {},
        unevenSessions: 0,
        seconds: figures.seconds,
      })
    },
  )

test(
  'Keycloak with reuse 0 › a refresh token sent twice › ends the session: what the storms would show',
  lane,
  async (t) => {
    const { admin, issuer } = await realm()
    const { client, newPerson } = await startWorld(t, await realm(), {
      client: (base) => ({ ...base, directAccessGrantsEnabled: true }),
    })
    const token = async (grant: Record<string, string>) => {
      const pair = [client.clientId, oddSecret].map(encodeURIComponent).join(':')
      const answer = await fetch(`${issuer}/protocol/openid-connect/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
        body: new URLSearchParams(grant),
      })
      return (await answer.json()) as Record<string, string | undefined>
    }
    const refresh = (refreshToken = '') =>
      token({ grant_type: 'refresh_token', refresh_token: refreshToken })
    await newPerson().logIn('bob')
    const first = await token({ grant_type: 'password', username: 'alice', password: 'wonderland' })
    const second = await refresh(first['refresh_token'])
    assert.equal(typeof second['refresh_token'], 'string')
    assert.equal((await refresh(first['refresh_token']))['error'], 'invalid_grant')
    assert.equal((await refresh(second['refresh_token']))['error'], 'invalid_grant')
    const left = await admin.sessionsOf(client.id)
    assert.deepEqual(
      left.map(({ username }) => username),
      ['bob'],
    )
  },
)

test(
  'Keycloak › both brokers restarted while the token ran out › the session goes on, by one grant',
  lanes,
  async (t) => {
    const world = await startWorld(t, await realm(), { brokers: 2, accessTokenSeconds: 8 })
    const alice = world.newPerson()
    await alice.logIn('alice')
    const before = Date.now()
    for (const index of [0, 1]) await world.instance(index).restart()
    await sleep(Math.max(0, before + 8_200 - Date.now()))
    const answers = await Promise.all([0, 1, 0, 1].map((index) => world.callAt(index, alice)))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    )
    assert.equal((await world.events('REFRESH_TOKEN')).length, 1)
    assert.deepEqual(await world.events('REFRESH_TOKEN_ERROR'), [])
  },
)

test(
  'Keycloak › tokens renewed ahead of their end, for a while › no call waits for one or fails, no grant is refused',
  lane,
  async (t) => {
    const world = await startWorld(t, await realm(), {
      accessTokenSeconds: 3,
      env: { REFRESH_AHEAD_SECONDS: '30' },
    })
    const alice = world.newPerson()
    await alice.logIn('alice')
    for (const untilMs = Date.now() + 9_000; Date.now() < untilMs; await sleep(100)) {
      const answer = await world.callAt(0, alice)
      assert.equal(answer.status, 200, answer.text)
    }
    const grants = (await world.events('REFRESH_TOKEN')).length
    assert.ok(grants >= 2 && grants <= 5, `${grants} grants`)
    assert.deepEqual(await world.events('REFRESH_TOKEN_ERROR'), [])
  },
)
