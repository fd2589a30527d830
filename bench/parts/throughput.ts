import type { Part } from '../findings.ts'
import { interleave, pairedRatio, roundBars, roundHead, roundRows } from '../measure/rounds.ts'
import { withEnding } from '../world/ending.ts'
import { brokerAndBare } from '../world/world.ts'

/** An authenticated call against one through a proxy that decides nothing. */
export const throughput: Part = {
  name: 'throughput',
  title: 'A small authenticated GET at 32 connections',
  run: (pace) =>
    withEnding(async (t) => {
      const { bare, broker } = await brokerAndBare(t)
      const measured = await interleave([bare, broker], pace)
      const [ofBare, ofBroker] = measured
      if (ofBare === undefined || ofBroker === undefined) throw new Error('a target is missing')
      return {
        about:
          'One Node process each. The bare proxy is undici in a node:http server that passes headers and bodies on, with nothing decided and nothing checked.',
        tables: [{ head: roundHead, rows: roundRows(measured) }],
        bars: roundBars('requests per second', measured),
        goals: [
          {
            text: "requests per second, of the bare proxy's",
            bound: 'at least',
            limit: 0.75,
            measured: pairedRatio(ofBroker, ofBare, 'requestsPerSecond'),
            unit: '×',
            digits: 2,
          },
          {
            text: "CPU per request, of the bare proxy's",
            bound: 'at most',
            limit: 1.4,
            measured: pairedRatio(ofBroker, ofBare, 'cpuSecondsPer10k'),
            unit: '×',
            digits: 2,
          },
        ],
      }
    }),
}
