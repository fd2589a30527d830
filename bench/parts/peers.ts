import type { Findings, Goal, Part } from '../findings.ts'
import type { Target } from '../measure/load.ts'
import type { Measured } from '../measure/rounds.ts'
import { interleave, pairedRatio, roundBars, roundHead, roundRows } from '../measure/rounds.ts'
import { workersOf } from '../measure/cpu.ts'
import { startBroker } from '../world/broker.ts'
import type { Ending } from '../world/ending.ts'
import { withEnding } from '../world/ending.ts'
import { hasOauth2Proxy, startOauth2Proxy } from '../world/oauth2-proxy.ts'
import type { Surroundings } from '../world/world.ts'
import { brokerTarget, startSurroundings } from '../world/world.ts'

/** The same call through others who do the same. */
export const peers: Part = {
  name: 'peers',
  title: 'Against peers',
  run: (pace) =>
    withEnding(async (t) => {
      const around = await startSurroundings(t)
      const found = [
        ...(hasOauth2Proxy() ? [await startOauth2Proxy(t, around)] : []),
        ...namedPeers(process.env),
      ]
      const one = await brokerTarget('broker, 1 process', await startBroker(t, around))
      const two = await twoProcesses(t, around)
      const targets = [one, ...(two === undefined ? [] : [two]), ...found]
      const measured = await interleave(targets, pace)
      const of = (target: Target | undefined) => measured.find((each) => each.target === target)
      const brokers = { one: of(one), two: of(two) }
      const names = ['oauth2-proxy', ...found.map(({ name }) => name)]
      return findings(
        measured,
        [...new Set(names)].flatMap((name) =>
          goalsAgainst(name, brokers, of(found.find((peer) => peer.name === name))),
        ),
      )
    }),
}

/** `PEER_<NAME>_URL`, `_COOKIE` and, for its CPU, `_PID`: peers that somebody else has started. */
export const namedPeers = (env: NodeJS.ProcessEnv): readonly Target[] =>
  Object.entries(env).flatMap(([key, url]) => {
    const name = /^PEER_(\w+)_URL$/.exec(key)?.[1]
    if (name === undefined || url === undefined) return []
    const pid = env[`PEER_${name}_PID`]
    return {
      name: name.toLowerCase().replaceAll('_', '-'),
      url,
      pid: pid === undefined ? undefined : Number(pid),
      headers: { cookie: env[`PEER_${name}_COOKIE`] ?? '', 'sec-fetch-site': 'same-origin' },
    }
  })

/** The broker with WEB_CONCURRENCY=2; undefined where this version has no workers. */
const twoProcesses = async (t: Ending, around: Surroundings): Promise<Target | undefined> => {
  const env = { WEB_CONCURRENCY: '2' }
  const broker = await startBroker(t, { ...around, env })
  if (workersOf(broker.pid) < 2) return undefined
  return await brokerTarget('broker, 2 processes', broker)
}

type Brokers = { readonly one: Measured | undefined; readonly two: Measured | undefined }

const howToGetIt =
  'no peer of this name: put an oauth2-proxy binary on the PATH, or name a running peer by PEER_<NAME>_URL, PEER_<NAME>_COOKIE and PEER_<NAME>_PID'

const goalsAgainst = (name: string, { one, two }: Brokers, peer: Measured | undefined): Goal[] => {
  const ratio = (
    broker: Measured | undefined,
    figure: 'requestsPerSecond' | 'cpuSecondsPer10k',
  ) => {
    if (peer === undefined) return { measured: undefined, note: howToGetIt }
    if (broker === undefined)
      return { measured: undefined, note: 'WEB_CONCURRENCY=2 started no workers' }
    const measured = pairedRatio(broker, peer, figure)
    if (!Number.isNaN(measured)) return { measured }
    return { measured: undefined, note: 'its CPU is not known: set PEER_<NAME>_PID' }
  }
  const shape = { unit: '×', digits: 2 }
  return [
    {
      text: `CPU per call, of that of ${name}`,
      bound: 'at most',
      limit: 1 / 3,
      ...shape,
      ...ratio(one, 'cpuSecondsPer10k'),
    },
    {
      text: `requests/s in 1 process, of those of ${name}`,
      bound: 'at least',
      limit: 2,
      ...shape,
      ...ratio(one, 'requestsPerSecond'),
    },
    {
      text: `requests/s in 2 processes, of those of ${name}`,
      bound: 'at least',
      limit: 2.5,
      ...shape,
      ...ratio(two, 'requestsPerSecond'),
    },
  ]
}

const findings = (measured: readonly Measured[], goals: readonly Goal[]): Findings => ({
  about:
    "The same upstream and the same call at 32 connections, sessions in the same Redis, access logs off; oauth2-proxy passes the access token on, after a real login at a real provider, and uses all cores. Its tokens are a little smaller than those of the broker, which are as large as Keycloak's.",
  tables: [{ head: roundHead, rows: roundRows(measured) }],
  bars: roundBars('requests per second, against peers', measured),
  goals,
})
