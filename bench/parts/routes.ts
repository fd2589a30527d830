import type { Part } from '../findings.ts'
import { interleave, pairedRatio, roundHead, roundRows } from '../measure/rounds.ts'
import { startBroker } from '../world/broker.ts'
import { withEnding } from '../world/ending.ts'
import { loggedInHeaders, startSurroundings } from '../world/world.ts'
import { flatGoal } from './sessions.ts'

const many = 500
const called = '/api/area-250/thing'

/** A call to one of very many routes, against the same call where there is one route. */
export const routes: Part = {
  name: 'routes',
  title: 'Flat in routes',
  run: (pace) =>
    withEnding(async (t) => {
      const around = await startSurroundings(t)
      const target = async (name: string, paths: readonly string[]) => {
        const broker = await startBroker(t, { ...around, routes: yaml(paths, around.upstream) })
        const headers = await loggedInHeaders(broker.origin)
        return { name, url: `${broker.origin}${called}`, pid: broker.pid, headers }
      }
      const areas = Array.from({ length: many }, (_, i) => `/api/area-${i}`)
      const targets = [await target('1 route', ['/api']), await target(`${many} routes`, areas)]
      const measured = await interleave(targets, { ...pace, rounds: pace.rounds * 2 })
      const [one, all] = measured
      if (one === undefined || all === undefined) throw new Error('a target is missing')
      return {
        about: `The same call, \`${called}\`, through a table of one route and of ${many}.`,
        tables: [{ head: roundHead, rows: roundRows(measured) }],
        goals: [
          flatGoal(
            `cost of ${many} routes against 1`,
            3,
            pairedRatio(one, all, 'requestsPerSecond'),
          ),
        ],
      }
    }),
}

const yaml = (paths: readonly string[], upstream: string): string =>
  `routes:\n${paths.map((path) => `  - { path: ${path}, upstream: ["${upstream}"] }\n`).join('')}`
