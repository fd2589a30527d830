import type { AskedCall } from './arguments.ts'
import type { Explanation } from './explain.ts'
import type { Person } from './people.ts'

/** A decision as lines for a terminal. */
export const explanationText = (
  { route, steps, refusal, undecided }: Explanation,
  { method, target, websocket }: AskedCall,
  person: Person | undefined,
): string => {
  const who = person === undefined ? 'nobody logged in' : person.principal.sub
  const width = Math.max(...steps.map(({ name }) => name.length))
  const lines = steps.map(
    ({ name, passes, says }) => `  ${markOf(passes)}  ${name.padEnd(width)}  ${says}`,
  )
  const end =
    undecided === true ? 'not decided: it hangs on the roles' : endText({ route, refusal })
  return `${method}${websocket ? ' (WebSocket)' : ''} ${target}, ${who}\n${lines.join('\n')}\n${end}\n`
}

const markOf = (passes: boolean | undefined): string => {
  if (passes === undefined) return '??'
  return passes ? 'ok' : 'NO'
}

const endText = ({ route, refusal }: Pick<Explanation, 'route' | 'refusal'>): string => {
  if (refusal !== undefined) return `refused: ${refusal.status} ${refusal.code}`
  if (route === undefined) return "no route's: the broker itself answers, by rules of its own"
  return `allowed: goes to ${route.upstreams.join(' or ')}`
}
