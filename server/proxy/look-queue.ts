export type LookQueueDeps<T> = {
  /** Rejects when nobody can tell at the moment; then it is asked again. */
  readonly look: (item: T) => Promise<void>
  /** So that thousands of looks do not meet in the store. */
  readonly atOnce: number
  /** After a failed look: the first pause, and the longest. */
  readonly firstPauseMs: number
  readonly longestPauseMs: number
}

export type LookQueue<T> = {
  /** Asks for a look that begins after this moment; `now` goes before all that merely wait their turn. */
  readonly add: (item: T, urgency: Urgency) => void
  readonly drop: (item: T) => void
  readonly close: () => void
}

/** Looks at items a few at once; while looks fail, at one at a time, with growing pauses. */
export const lookQueue = <T>(deps: LookQueueDeps<T>): LookQueue<T> => {
  const waiting = twoLines<T>()
  let running = 0
  let closed = false

  const pump = () => {
    const most = rests.isWell() ? deps.atOnce : 1
    while (!rests.isResting() && running < most) {
      const item = waiting.take()
      if (item === undefined) return
      running += 1
      void run(item)
    }
  }
  const run = async (item: T) => {
    const wentWell = await deps.look(item).then(
      () => true,
      () => false,
    )
    running -= 1
    if (closed) return
    if (!wentWell) waiting.add(item, 'in_turn')
    rests.note(wentWell)
    pump()
  }
  const rests = pauses(deps, pump)
  return {
    add: (item, urgency) => {
      if (closed) return
      waiting.add(item, urgency)
      pump()
    },
    drop: waiting.drop,
    close: () => {
      closed = true
      rests.end()
      waiting.clear()
    },
  }
}

type Urgency = 'now' | 'in_turn'

/** Each item waits in a line once; whoever is in a hurry goes first. */
const twoLines = <T>() => {
  const urgent = new Set<T>()
  const others = new Set<T>()
  return {
    add: (item: T, urgency: Urgency): void => {
      if (urgency === 'now') urgent.add(item)
      else others.add(item)
    },
    take: (): T | undefined => firstOf(urgent) ?? firstOf(others),
    drop: (item: T): void => {
      urgent.delete(item)
      others.delete(item)
    },
    clear: (): void => {
      urgent.clear()
      others.clear()
    },
  }
}

/** A pause after a failure, twice as long after each further one; many that fail together are one. */
const pauses = <T>({ firstPauseMs, longestPauseMs }: LookQueueDeps<T>, over: () => void) => {
  let failures = 0
  let timer: NodeJS.Timeout | undefined
  return {
    isWell: () => failures === 0,
    isResting: () => timer !== undefined,
    note: (wentWell: boolean): void => {
      if (wentWell) failures = 0
      if (wentWell || timer !== undefined) return
      failures += 1
      const pauseMs = Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs)
      timer = setTimeout(() => {
        timer = undefined
        over()
      }, pauseMs).unref()
    },
    end: () => clearTimeout(timer),
  }
}

const firstOf = <T>(items: Set<T>): T | undefined => {
  const { value } = items.values().next()
  if (value !== undefined) items.delete(value)
  return value
}
