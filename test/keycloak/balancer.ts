import { createServer, request } from 'node:http'
import { once } from 'node:events'
import type { Cleanup } from '../support/redis-server.ts'

/** A load balancer without stickiness: each request goes to the next port, whoever sends it and on whichever connection. */
export const startBalancer = async (t: Cleanup, port: number, targets: readonly number[]) => {
  const served = targets.map(() => 0)
  let turn = 0
  const server = createServer((incoming, outgoing) => {
    const index = turn
    turn = (turn + 1) % targets.length
    served[index] = (served[index] ?? 0) + 1
    const { method, url, rawHeaders: headers } = incoming
    const onward = request(
      { host: '127.0.0.1', port: targets[index], method, path: url, headers, agent: false },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
        answer.pipe(outgoing)
      },
    )
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
    return Promise.resolve()
  })
  /** How many requests each of them got. */
  return { served: (): readonly number[] => served }
}
