import { setTimeout as sleep } from 'node:timers/promises'
import type { RefreshFault } from './provider.ts'
import type { Chance } from './random.ts'
import type { ChaosWorld } from './world.ts'

type Fault = { readonly name: string; readonly run: () => Promise<void> }

/** The next refresh alone fares so. */
const once = (world: ChaosWorld, fault: RefreshFault) => () => {
  let left = 1
  world.provider.faults.answer = () => {
    left -= 1
    return left === 0 ? fault : 'none'
  }
  return Promise.resolve()
}

const faultsOf = (world: ChaosWorld, random: Chance): Fault[] => {
  const { provider, redis } = world
  const forAWhile = async (harm: () => unknown, heal: () => unknown) => {
    await harm()
    await sleep(300 + random.below(1_200))
    await heal()
  }
  const { faults, calmDown } = provider
  return [
    {
      name: 'broker killed',
      run: async () => {
        const victim = random.below(world.brokers.length)
        await world.kill(victim)
        await world.broker(victim).start()
      },
    },
    { name: 'Redis killed', run: () => forAWhile(redis.kill, redis.start) },
    { name: 'Redis frozen', run: () => forAWhile(redis.freeze, redis.thaw) },
    { name: 'provider refuses connections', run: () => forAWhile(provider.down, provider.up) },
    { name: 'provider answers 503', run: () => forAWhile(() => (faults.answer = () => 503), calmDown) }, // prettier-ignore
    { name: 'provider slow', run: () => forAWhile(() => (faults.delayMs = () => random.below(2_000)), calmDown) }, // prettier-ignore
    { name: 'refresh committed and cut', run: once(world, 'cut') },
    { name: 'refresh answered by 500', run: once(world, 500) },
    { name: 'provider changes its keys', run: provider.keys.rotate },
  ]
}

/** One fault after the other until the time is over; the result says how often each came. */
export const runFaults = async (
  world: ChaosWorld,
  random: Chance,
  untilMs: number,
): Promise<Record<string, number>> => {
  const faults = faultsOf(world, random)
  const counts: Record<string, number> = {}
  while (Date.now() < untilMs) {
    const { name, run } = random.pick(faults)
    counts[name] = (counts[name] ?? 0) + 1
    await run()
    await sleep(random.below(1_500))
  }
  world.provider.calmDown()
  return counts
}
