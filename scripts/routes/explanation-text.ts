import type { AskedCall } from './arguments.ts'
import type { Explanation } from './explain.ts'
import type { Person } from './people.ts'

/** A decision as lines for a terminal. */
export const explanationText = (
  { route, steps, refusal }: Explanation,
  { method, target, websocket }: AskedCall,
  person: Person | undefined,
): string => {
  const who = person === undefined ? 'nobody logged in' : person.principal.sub
  const width = Math.max(...steps.map(({ name }) => name.length))
  const lines = steps.map(
    ({ name, passes, says }) => `  ${passes ? 'ok' : 'NO'}  ${name.padEnd(width)}  ${says}`,
  )
  const to = route === undefined ? 'the broker itself answers' : `goes to ${route.upstreams.join(' or ')}` // prettier-ignore
  const end =
    refusal === undefined ? `allowed: ${to}` : `refused: ${refusal.status} ${refusal.code}`
  return `${method}${websocket ? ' (WebSocket)' : ''} ${target}, ${who}\n${lines.join('\n')}\n${end}\n`
}
