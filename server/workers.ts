import type { Worker } from 'node:cluster'
import { withDeadline } from './core/deadline.ts'
import type { Log } from './core/log.ts'

export type WorkersDeps = {
  readonly count: number
  /** A new process that sends `ready` once it serves, and `drained` when it waits for word to leave the port. */
  readonly fork: () => Worker
  readonly log: Log
  /** Called once, when as many have served as there are to be. */
  readonly onServing: () => void
  /** Called when none is left and the last one ended before it served: another would not either. */
  readonly onFailed: (exitCode: number) => void
}

export type Workers = {
  /** To each that serves, and to the others once they do: a process that starts would end by it. */
  readonly signal: (signal: NodeJS.Signals) => void
  /** Passes the signal on and resolves when all have ended; after the grace they are killed. */
  readonly stop: (signal: NodeJS.Signals, graceMs: number) => Promise<void>
}

const firstDelayMs = 1_000
const longestDelayMs = 30_000

/**
 * Keeps a number of workers running. Who ends after it served is replaced at once; who ends at its start, later and
 * later, so that a broken deployment does not spend the machine on starts.
 */
export const keepWorkers = ({ count, fork, log, onServing, onFailed }: WorkersDeps): Workers => {
  const alive = new Map<Worker, Promise<Ending>>()
  let stopping = false
  const drained = leaveTogether(alive, () => stopping)
  let served = 0
  let failures = 0

  const noteServing = () => {
    failures = 0
    served += 1
    if (served === count) onServing()
    if (served >= count) log.info({ pids: pidsOf(alive) }, 'workers serve')
  }
  const start = (): void => {
    if (stopping) return
    const worker = signalled(fork())
    const end = endOf(worker, noteServing, () => drained.add(worker))
    alive.set(worker, end)
    void end.then((ending) => replace(worker, ending))
  }
  const replace = (worker: Worker, ending: Ending): void => {
    alive.delete(worker)
    drained.remove(worker)
    if (stopping) return
    log.error({ worker: worker.id, pid: worker.process.pid, ...ending }, 'worker ended')
    if (ending.served) return start()
    if (alive.size === 0) return onFailed(ending.code === 0 ? 1 : (ending.code ?? 1))
    setTimeout(start, Math.min(firstDelayMs * 2 ** failures, longestDelayMs))
    failures += 1
  }

  for (let started = 0; started < count; started += 1) start()
  return {
    signal: (name) => passOnWhenServing(name, alive),
    stop: async (name, graceMs) => {
      stopping = true
      passOn(name, alive)
      await endedOrKilled(alive, graceMs, log)
    },
  }
}

type Alive = ReadonlyMap<Worker, Promise<Ending>>

/** Lets drained workers leave the port once all of them are; at once where one drains alone, by a signal of its own. */
const leaveTogether = (alive: Alive, isStopping: () => boolean) => {
  const waiting = new Set<Worker>()
  const look = () => {
    if (isStopping() && waiting.size < alive.size) return
    waiting.forEach((worker) => worker.send('leave'))
  }
  return {
    add: (worker: Worker) => {
      waiting.add(worker)
      look()
    },
    remove: (worker: Worker) => {
      waiting.delete(worker)
      look()
    },
  }
}

/** Those that serve, and the signals that the others are owed. */
const serving = new WeakSet<Worker>()
const owed = new WeakMap<Worker, NodeJS.Signals>()

/** The worker, which gets what it is owed once it serves. */
const signalled = (worker: Worker): Worker => {
  worker.once('message', () => {
    serving.add(worker)
    const name = owed.get(worker)
    if (name !== undefined) worker.process.kill(name)
  })
  return worker
}

const passOnWhenServing = (name: NodeJS.Signals, alive: Alive): void =>
  alive.forEach((_end, worker) => {
    if (serving.has(worker)) worker.process.kill(name)
    else owed.set(worker, name)
  })

const pidsOf = (alive: Alive) => [...alive.keys()].map((worker) => worker.process.pid)

const passOn = (signal: NodeJS.Signals, alive: Alive): void =>
  alive.forEach((_end, worker) => worker.process.kill(signal))

const endedOrKilled = (alive: Alive, graceMs: number, log: Log): Promise<unknown> =>
  withDeadline(Promise.all(alive.values()), graceMs, () => new Error('out of time')).catch(
    (err: unknown) => {
      log.warn({ err }, 'workers killed before everything had ended')
      passOn('SIGKILL', alive)
    },
  )

type Ending = {
  readonly code: number | null
  readonly signal: string | null
  readonly served: boolean
}

const endOf = (worker: Worker, onServing: () => void, onDrained: () => void): Promise<Ending> =>
  new Promise((resolve) => {
    let served = false
    worker.on('message', (message: unknown) => {
      if (message === 'drained') return onDrained()
      served = true
      onServing()
    })
    worker.once('exit', (code: number | null, signal: string | null) => {
      resolve({ code, signal, served })
    })
    worker.on('error', () => {
      // A process that could not be made has no exit.
      if (worker.process.pid === undefined) resolve({ code: null, signal: null, served })
    })
  })
