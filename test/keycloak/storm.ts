import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Cleanup } from '../support/redis-server.ts'
import type { Person } from './person.ts'
import type { Realm } from './realm.ts'
import { startRealm } from './realm.ts'
import type { World } from './world.ts'
import { startWorld } from './world.ts'

export type StormSizes = {
  readonly instances: number
  /** Calls at once to each instance. */
  readonly parallel: number
  readonly sessions: number
  /** Expiries of each session. */
  readonly rounds: number
  readonly accessTokenSeconds: number
  /** Sessions that storm at the same time. */
  readonly width: number
}

/** Issue-sized: every number of it can be set by its name in capitals, as SESSIONS=10. */
export const wholeStorm: StormSizes = {
  instances: 4,
  parallel: 50,
  sessions: 50,
  rounds: 3,
  accessTokenSeconds: 20,
  width: 10,
}

export type StormFigures = {
  readonly expiries: number
  /** REFRESH_TOKEN events that Keycloak itself has recorded. */
  readonly grants: number
  /** REFRESH_TOKEN_ERROR events. */
  readonly refusedGrants: number
  readonly calls: number
  /** Statuses and codes of what was not answered by 200, with their numbers. */
  readonly failedCalls: Readonly<Record<string, number>>
  /** Keycloak sessions with another number of grants than expiries. */
  readonly unevenSessions: number
  readonly seconds: number
}

type Tally = { calls: number; readonly failed: Record<string, number> }
type User = { readonly sid: string; readonly cookie: string }

/**
 * R12 against the real Keycloak: the access token of a session is over, and calls come to all instances at once; session
 * after session, expiry after expiry. Revoke Refresh Token is on with reuse 0, so that a second grant would end the session.
 */
export const storm = async (t: Cleanup, realm: Realm, sizes: StormSizes): Promise<StormFigures> => {
  const world = await startWorld(t, realm, { ...sizes, brokers: sizes.instances })
  const agent = new Agent({ connections: sizes.parallel })
  t.after(() => agent.close())
  const users = await logInAll(world, realm, sizes.sessions)
  const startedMs = Date.now()
  const tally: Tally = { calls: 0, failed: {} }
  for (let round = 0; round < sizes.rounds; round += 1)
    for (let first = 0; first < users.length; first += sizes.width)
      await Promise.all(
        users.slice(first, first + sizes.width).map(async (user) => {
          await untilOver(world, user)
          await volley({ world, agent, tally }, user, sizes)
        }),
      )
  const grants = await world.events('REFRESH_TOKEN')
  const bySession = new Map(users.map(({ sid }) => [sid, 0]))
  for (const { sessionId = '' } of grants)
    bySession.set(sessionId, (bySession.get(sessionId) ?? 0) + 1)
  return {
    expiries: users.length * sizes.rounds,
    grants: grants.length,
    refusedGrants: (await world.events('REFRESH_TOKEN_ERROR')).length,
    calls: tally.calls,
    failedCalls: tally.failed,
    unevenSessions: [...bySession.values()].filter((count) => count !== sizes.rounds).length,
    seconds: Math.round((Date.now() - startedMs) / 1_000),
  }
}

/** Everybody logs in by the form and makes one call, so that the API knows their token's end. */
const logInAll = async (world: World, realm: Realm, count: number): Promise<readonly User[]> => {
  const everyone: Person[] = []
  for (let n = 0; n < count; n += 1) {
    const someone = world.newPerson()
    await someone.logIn(n % 2 === 0 ? 'alice' : 'bob')
    everyone.push(someone)
  }
  const known = new Set<string>()
  const users: User[] = []
  for (const { app } of everyone) {
    const { status } = await app.call('/api/me')
    const sid = [...world.api.newest.keys()].find((one) => !known.has(one))
    if (status !== 200 || sid === undefined) throw new Error(`the first call: ${status}`)
    known.add(sid)
    users.push({ sid, cookie: app.cookieHeader() })
  }
  const sessions = await realm.admin.sessionsOf(world.client.id)
  if (sessions.length !== count) throw new Error(`${sessions.length} sessions, not ${count}`)
  return users
}

/** The broker counts from when a token came, Keycloak from the whole second before it made it. */
const marginMs = 2_000

const untilOver = async ({ api }: World, { sid }: User): Promise<void> => {
  const leftMs = (api.newest.get(sid)?.expiresAtMs ?? 0) + marginMs - Date.now()
  if (leftMs > 0) await sleep(leftMs)
}

type Ground = { readonly world: World; readonly agent: Agent; readonly tally: Tally }

const volley = async ({ world, agent, tally }: Ground, user: User, sizes: StormSizes) => {
  const { host } = new URL(world.origin)
  const headers = { host, cookie: user.cookie, 'sec-fetch-site': 'same-origin' }
  const call = async (index: number): Promise<void> => {
    const { address } = world.instance(index)
    const outcome = await request(`${address}/api/me`, { dispatcher: agent, headers }).then(
      async ({ statusCode, body }) => {
        const text = await body.text()
        return statusCode === 200 ? undefined : `${statusCode} ${codeIn(text)}`
      },
      (error: unknown) => String(error),
    )
    tally.calls += 1
    if (outcome !== undefined) tally.failed[outcome] = (tally.failed[outcome] ?? 0) + 1
  }
  const all = Array.from({ length: sizes.instances * sizes.parallel }, (_, index) => call(index))
  await Promise.all(all)
}

const codeIn = (text: string): string => /"code":"([^"]*)"/.exec(text)?.[1] ?? ''

const sizesFrom = (env: NodeJS.ProcessEnv): StormSizes => {
  const entries = Object.entries(wholeStorm).map(([name, standard]) => {
    const variable = name.replace(/[A-Z]/g, '_$&').toUpperCase()
    return [name, Number(env[variable] ?? standard)]
  })
  // The same names, each with a number.
  return Object.fromEntries(entries) as StormSizes
}

const main = async (): Promise<void> => {
  const ends: (() => Promise<void>)[] = []
  const cleanup: Cleanup = { after: (end) => ends.push(end) }
  const sizes = sizesFrom(process.env)
  try {
    const figures = await storm(cleanup, await startRealm(cleanup), sizes)
    process.stdout.write(`${JSON.stringify({ ...sizes, ...figures }, undefined, 2)}\n`)
    const isClean = Object.keys(figures.failedCalls).length + figures.refusedGrants === 0
    if (!isClean || figures.grants !== figures.expiries) process.exitCode = 1
  } finally {
    for (const end of ends.toReversed()) await end()
  }
}

if (import.meta.main) await main()
