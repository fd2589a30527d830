import type { HoldOpen } from '../clients/hold-open.ts'
import type { Goal, Part } from '../findings.ts'
import { bytesPerConnection, collectable, requireOpenFiles } from '../measure/held-memory.ts'
import { startBroker } from '../world/broker.ts'
import { withEnding } from '../world/ending.ts'
import { fillSessions } from '../world/fill-sessions.ts'
import { loggedInHeaders, startOwnHost, startSurroundings } from '../world/world.ts'

const webSockets = 5_000
const eventStreams = 1_500
/** The broker lets one session open 100. */
const sessionsOfSockets = 100
const kibibytes = 1_024

/** What connections cost that stay open. */
export const streams: Part = {
  name: 'streams',
  title: 'Open WebSockets and event streams',
  run: (pace) =>
    withEnding(async (t) => {
      requireOpenFiles(2 * webSockets + 500)
      const around = await startSurroundings(t)
      const { origin: upstream } = await startOwnHost(t, 'streaming-upstream.ts')
      const bare = await startOwnHost(t, 'plain-proxy.ts', [upstream], collectable)
      const broker = async () =>
        await startBroker(t, { ...around, upstream, nodeFlags: collectable })
      const measure = async (name: string, host: { origin: string; pid: number }, plan: Plan) => {
        const bytes = await bytesPerConnection(host.pid, {
          ...plan,
          url: `${host.origin}/api/live`,
        })
        pace.say(`${plan.count} ${name}: ${(bytes / kibibytes).toFixed(1)} KiB each`)
        return bytes / kibibytes
      }
      const eventsBroker = await broker()
      const user = await loggedInHeaders(eventsBroker.origin)
      const events = { kind: 'events', count: eventStreams } as const
      const ofBare = await measure('event streams, bare proxy', bare, { ...events, headers: {} })
      const ofBroker = await measure('event streams, broker', eventsBroker, {
        ...events,
        headers: user,
      })
      const socketsBroker = await broker()
      const sockets = await measure('WebSockets, broker', socketsBroker, {
        kind: 'websocket',
        count: webSockets,
        headers: { 'sec-fetch-site': 'same-origin', origin: socketsBroker.origin },
        cookies: await fillSessions(around, { count: sessionsOfSockets }),
      })
      return {
        about:
          'Growth of resident memory for each connection, after a collection of garbage and without what the first 300 brought with them. Buffers of the kernel are not in it.',
        tables: [
          {
            head: ['', 'connections', 'KiB each'],
            rows: [
              ['event streams, bare proxy', String(eventStreams), ofBare.toFixed(1)],
              ['event streams, broker', String(eventStreams), ofBroker.toFixed(1)],
              ['WebSockets, broker', String(webSockets), sockets.toFixed(1)],
            ],
          },
        ],
        goals: goalsOf({ ofBare, ofBroker, sockets }),
      }
    }),
}

type Plan = Omit<HoldOpen, 'url'>

type Kibibytes = { readonly ofBare: number; readonly ofBroker: number; readonly sockets: number }

const goalsOf = ({ ofBare, ofBroker, sockets }: Kibibytes): readonly Goal[] => [
  {
    text: `each of ${webSockets.toLocaleString('en')} open WebSockets`,
    bound: 'at most',
    limit: 20,
    measured: sockets,
    unit: 'KiB',
    digits: 1,
  },
  {
    text: `each of ${eventStreams.toLocaleString('en')} event streams, of the bare proxy's`,
    bound: 'at most',
    limit: 1.3,
    measured: ofBroker / ofBare,
    unit: '×',
    digits: 2,
  },
]
