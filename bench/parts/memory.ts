import type { Findings, Part } from '../findings.ts'
import type { RedisFigures } from '../measure/redis-figures.ts'
import { redisFigures } from '../measure/redis-figures.ts'
import { startBroker } from '../world/broker.ts'
import { withEnding } from '../world/ending.ts'
import { fillSessions } from '../world/fill-sessions.ts'
import { tokenBytes } from '../world/token-sizes.ts'
import { loggedInHeaders, startSurroundings } from '../world/world.ts'

const count = 20_000
/** A person has a session at work and one on the phone. */
const people = count / 2
const gibibyte = 2 ** 30

/** What a session takes in Redis. */
export const memory: Part = {
  name: 'memory',
  title: 'Sessions per GiB of Redis',
  run: ({ say }) =>
    withEnding(async (t) => {
      const around = await startSurroundings(t)
      const figures = redisFigures(around.redisUrl)
      t.after(figures.close)
      const broker = await startBroker(t, around)
      await loggedInHeaders(broker.origin)
      const loginBytes = await bytesOfOneSession(figures)
      const before = await figures.usedBytes()
      await fillSessions(around, { count, people })
      const each = ((await figures.usedBytes()) - before) / count
      const filledBytes = await bytesOfOneSession(figures)
      say(
        `${each.toFixed(0)} bytes a session; records: ${filledBytes}, of a real login ${loginBytes}`,
      )
      requireLikeness(loginBytes, filledBytes)
      return findings(each, loginBytes)
    }),
}

/** The records of some session, without its place in lists. */
const bytesOfOneSession = async (figures: RedisFigures): Promise<number> => {
  const [session] = await figures.keys('bench:{*}:s')
  if (session === undefined) throw new Error('no session is stored')
  const keys = await figures.keys(session.replace(/s$/, '?'))
  const sizes = await Promise.all(keys.map(figures.bytesOf))
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}

/** Sessions filled in by the bench must weigh what a login's do, or the figure is of something else. */
const requireLikeness = (loginBytes: number, filledBytes: number): void => {
  const ratio = filledBytes / loginBytes
  if (ratio < 0.93 || ratio > 1.07)
    throw new Error(`a filled session has ${filledBytes} bytes, that of a login ${loginBytes}`)
}

const findings = (each: number, loginBytes: number): Findings => ({
  about: `Growth of Redis's used_memory over ${count.toLocaleString('en')} sealed sessions of ${people.toLocaleString('en')} users, stored by the broker's own code, with tokens as large as Keycloak's (access ${tokenBytes.access}, refresh ${tokenBytes.refresh}, ID ${tokenBytes.id} bytes) and everything a login writes.`,
  tables: [
    {
      head: ['', 'bytes'],
      rows: [
        ['a session with all its keys and list entries', each.toFixed(0)],
        ['the records of a real login (MEMORY USAGE)', String(loginBytes)],
      ],
    },
  ],
  goals: [
    {
      text: 'sessions per GiB of Redis',
      bound: 'at least',
      limit: 250_000,
      measured: Math.floor(gibibyte / each),
      unit: '',
      digits: 0,
    },
  ],
})
