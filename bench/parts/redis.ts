import type { Findings, Goal, Part } from '../findings.ts'
import { loadRound } from '../measure/load.ts'
import type { Target } from '../measure/load.ts'
import type { Calls, RedisFigures } from '../measure/redis-figures.ts'
import { commandsSent, redisFigures } from '../measure/redis-figures.ts'
import { startBroker } from '../world/broker.ts'
import type { Ending } from '../world/ending.ts'
import { withEnding } from '../world/ending.ts'
import { fillSessions } from '../world/fill-sessions.ts'
import type { Surroundings } from '../world/world.ts'
import { brokerTarget, calledPath, startSurroundings } from '../world/world.ts'

const coldSessions = 200
const warmSeconds = 4
const idleSeconds = 20
const slideSeconds = 10

/** How often a call asks Redis. */
export const redis: Part = {
  name: 'redis',
  title: 'Redis operations per call',
  run: ({ say }) =>
    withEnding(async (t) => {
      const around = await startSurroundings(t)
      const figures = redisFigures(around.redisUrl)
      t.after(figures.close)
      const cold = await coldCalls(t, around)
      say(`cold: ${cold.perCall.toFixed(2)} round trips per call`)
      const warm = await warmCalls(t, around, figures)
      say(`warm: ${warm.perCall.toFixed(4)} operations per call`)
      const slides = await slidesPerTenth(t, around, figures)
      say(`slides: ${slides.toFixed(2)} per tenth of the idle time`)
      return findings(cold, warm, slides)
    }),
}

/** The coherent cache asks now and then whether its channel still works; that is counted apart. */
const isBackground = (name: string) => ['ping', 'subscribe', 'psubscribe'].includes(name)

const sumOf = (calls: Calls, counts: (name: string) => boolean): number =>
  [...calls].reduce((sum, [name, n]) => sum + (counts(name) ? n : 0), 0)

/** The first call of each of many sessions. */
const coldCalls = async (t: Ending, around: Surroundings) => {
  const broker = await startBroker(t, around)
  const [first = '', ...cookies] = await fillSessions(around, { count: coldSessions + 1 })
  const call = async (cookie: string) => {
    const headers = { cookie, 'sec-fetch-site': 'same-origin' }
    const answer = await fetch(`${broker.origin}${calledPath}`, { headers })
    await answer.arrayBuffer()
    if (answer.status !== 200) throw new Error(`a filled session was answered ${answer.status}`)
  }
  // The first of all sends the script itself; that is once a process, not once a call.
  await call(first)
  const sent = await commandsSent(around.redisUrl, async () => {
    for (const cookie of cookies) await call(cookie)
  })
  const perCall = sent.filter((name) => !isBackground(name)).length / coldSessions
  return { perCall, commands: countsOf(sent) }
}

const countsOf = (names: readonly string[]): Calls => {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

type Counted = { readonly perCall: number; readonly commands: Calls }
type Warm = Counted & { readonly backgroundPerSecond: number }

/** Calls of one session, as many as go. */
const warmCalls = async (t: Ending, around: Surroundings, figures: RedisFigures): Promise<Warm> => {
  const target = await brokerTarget('warm', await startBroker(t, around))
  await loadRound(target, 1)
  const done = { calls: 0 }
  const commands = await figures.during(async () => {
    done.calls = (await loadRound(target, warmSeconds)).requestsPerSecond * warmSeconds
  })
  return {
    perCall: sumOf(commands, (name) => !isBackground(name)) / done.calls,
    backgroundPerSecond: sumOf(commands, isBackground) / warmSeconds,
    commands,
  }
}

/** How often the life of a session that is called all the time is lengthened in a tenth of its idle time. */
const slidesPerTenth = async (t: Ending, around: Surroundings, figures: RedisFigures) => {
  const env = { SESSION_IDLE_SECONDS: String(idleSeconds), REDIS_PREFIX: 'slide:' }
  const broker = await startBroker(t, { ...around, env })
  const target: Target = await brokerTarget('sliding', broker)
  const [key] = await figures.keys('slide:{*}:s')
  if (key === undefined) throw new Error('the session has no record')
  const watched = figures.watchLife(key, { everyMs: 50, forMs: slideSeconds * 1_000 })
  await loadRound(target, slideSeconds)
  const lives = await watched
  const slides = lives.filter((life, i) => life > (lives[i - 1] ?? life) + 5).length
  return slides / (slideSeconds / (idleSeconds / 10))
}

const commandsText = (commands: Calls): string =>
  [...commands].map(([name, n]) => `${name} ${n}`).join(', ') || 'none'

const findings = (cold: Counted, warm: Warm, slides: number): Findings => ({
  about: `Counted by Redis itself. Warm: one session under load for ${warmSeconds} s, INFO commandstats. Cold: the first call of ${coldSessions} sessions, MONITOR, which tells commands of a script from those a client sent. PING and SUBSCRIBE keep watch over the channel of the cache and are counted apart.`,
  tables: [
    {
      head: ['', 'per call', 'commands'],
      rows: [
        ['warm', warm.perCall.toFixed(4), commandsText(warm.commands)],
        ['cold', cold.perCall.toFixed(2), commandsText(cold.commands)],
        ['watch over the channel', `${warm.backgroundPerSecond.toFixed(1)} per second`, ''],
      ],
    },
  ],
  goals: goalsOf(cold, warm, slides),
})

const goalsOf = (cold: Counted, warm: Warm, slides: number): readonly Goal[] => [
  {
    text: 'operations per call, warm (0 to three digits)',
    bound: 'at most',
    limit: 0.0005,
    measured: warm.perCall,
    unit: '',
    digits: 4,
  },
  {
    text: 'round trips per call, cold',
    bound: 'at most',
    limit: 1,
    measured: cold.perCall,
    unit: '',
    digits: 2,
  },
  {
    text: 'slides of the idle deadline in a tenth of it',
    bound: 'at most',
    limit: 1,
    measured: slides,
    unit: '',
    digits: 2,
  },
]
