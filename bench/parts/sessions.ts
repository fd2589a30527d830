import type { Findings, Part } from '../findings.ts'
import type { Target } from '../measure/load.ts'
import type { Measured } from '../measure/rounds.ts'
import { interleave, pairedRatio, roundHead, roundRows } from '../measure/rounds.ts'
import type { Ending } from '../world/ending.ts'
import { withEnding } from '../world/ending.ts'
import { startBroker } from '../world/broker.ts'
import { fillSessions } from '../world/fill-sessions.ts'
import type { Surroundings } from '../world/world.ts'
import { calledPath, startOwnRedis, startSurroundings } from '../world/world.ts'

const few = 10
const many = Number(process.env['BENCH_SESSIONS'] ?? 200_000)
/** How many calls it takes until a cookie comes again, in both cases. */
const turns = 1_000
/** A broker that waited for its round looks up every session again at once: no pause that users make. */
const roundLength = 3

/** Calls over many sessions while very many live in Redis, against calls over ten. */
export const sessions: Part = {
  name: 'sessions',
  title: 'Flat in sessions',
  run: (pace) =>
    withEnding(async (t) => {
      const around = await startSurroundings(t)
      const small = await filledTarget(t, around, few)
      const start = performance.now()
      const large = await filledTarget(t, { ...around, redisUrl: await startOwnRedis(t) }, many)
      pace.say(`${many} sessions stored in ${((performance.now() - start) / 1_000).toFixed(0)} s`)
      return findings(
        await interleave([small, large], { ...pace, seconds: pace.seconds * roundLength }),
      )
    }),
}

const findings = (measured: readonly Measured[]): Findings => {
  const [small, large] = measured
  if (small === undefined || large === undefined) throw new Error('a target is missing')
  return {
    about: `Two brokers, each with a Redis of its own. Every call goes with the next of ${turns} cookies: of ${few} sessions by turns, or of ${turns} sessions out of ${many}.`,
    tables: [{ head: roundHead, rows: roundRows(measured) }],
    goals: [
      flatGoal(
        `cost of ${many.toLocaleString('en')} live sessions against ${few}`,
        5,
        pairedRatio(small, large, 'requestsPerSecond'),
      ),
    ],
  }
}

/** What a ratio of requests per second loses, in per cent. */
export const flatGoal = (text: string, limit: number, ratio: number) =>
  ({
    text,
    bound: 'at most',
    limit,
    measured: (1 - 1 / ratio) * 100,
    unit: '%',
    digits: 1,
  }) as const

const filledTarget = async (t: Ending, around: Surroundings, count: number): Promise<Target> => {
  const filled = await fillSessions(around, { count })
  const broker = await startBroker(t, around)
  const step = Math.max(1, Math.floor(count / turns))
  const cookies = Array.from({ length: turns }, (_, i) => filled[(i * step) % count] ?? '')
  return {
    name: `${count} sessions`,
    url: `${broker.origin}${calledPath}`,
    pid: broker.pid,
    headers: { 'sec-fetch-site': 'same-origin' },
    cookies,
  }
}
