import type { Chance } from './random.ts'

/** What is going on in a broker when it is killed. */
export type KillPlan =
  | {
      readonly kind: 'command'
      readonly op: 'login' | 'refresh' | 'logout'
      readonly kth: number
      readonly when: 'before' | 'after'
    }
  | { readonly kind: 'provider'; readonly when: 'received' | 'committed' }
  | { readonly kind: 'random'; readonly afterMs: number }

export type Lengths = Readonly<Record<'login' | 'refresh' | 'logout', number>>

/** So many plans: every Redis command of every operation, before and after; provider events; then random moments, and again. */
export const killPlans = (count: number, lengths: Lengths, random: Chance): KillPlan[] => {
  const pass = (): KillPlan[] => [
    ...(['refresh', 'login', 'logout'] as const).flatMap((op) =>
      Array.from({ length: lengths[op] }, (_, index) => index + 1).flatMap((kth) =>
        (['before', 'after'] as const).map((when) => ({ kind: 'command', op, kth, when }) as const),
      ),
    ),
    { kind: 'provider', when: 'received' },
    { kind: 'provider', when: 'committed' },
    ...Array.from({ length: 20 }, () => ({ kind: 'random', afterMs: random.below(400) }) as const),
  ]
  const plans: KillPlan[] = []
  while (plans.length < count) plans.push(...pass())
  return plans.slice(0, count)
}

export const planName = (plan: KillPlan): string => {
  switch (plan.kind) {
    case 'command':
      return `${plan.op}, ${plan.when} command ${plan.kth}`
    case 'provider':
      return `refresh, ${plan.when} by the provider`
    case 'random':
      return 'any moment'
  }
}
