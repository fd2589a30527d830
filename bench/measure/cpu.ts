import { readFileSync, readdirSync } from 'node:fs'
import { cpus } from 'node:os'

const clockTicksPerSecond = 100
const pageBytes = 4_096

type ProcessTimes = {
  readonly parent: number
  /** CPU seconds of its own. */
  readonly own: number
  /** CPU seconds of children that have ended. */
  readonly reaped: number
}

/** proc(5), fields 4 and 14 to 17 of stat; undefined for a process that has gone. */
const processTimes = (pid: number | string): ProcessTimes | undefined => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    const seconds = (i: number) => Number(fields[i]) / clockTicksPerSecond
    return {
      parent: Number(fields[1]),
      own: seconds(11) + seconds(12),
      reaped: seconds(13) + seconds(14),
    }
  } catch {
    return undefined
  }
}

const allProcesses = (): ReadonlyMap<number, ProcessTimes> =>
  new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        const times = processTimes(name)
        return times === undefined ? [] : [[Number(name), times] as const]
      }),
  )

/** A process with everything below it. */
const treeOf = (pid: number): readonly ProcessTimes[] => {
  const all = allProcesses()
  const below = (parent: number): number[] =>
    [...all].flatMap(([child, times]) => (times.parent === parent ? [child, ...below(child)] : []))
  return [pid, ...below(pid)].flatMap((each) => all.get(each) ?? [])
}

/** User and system time so far of a process and its workers. */
export const treeCpuSeconds = (pid: number): number =>
  treeOf(pid).reduce((sum, { own, reaped }) => sum + own + reaped, 0)

/** How many workers a process has. */
export const workersOf = (pid: number): number => treeOf(pid).length - 1

/** Resident memory of one process. */
export const residentBytes = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes

/** CPU seconds that the whole machine has been busy, all cores together; time taken by the hypervisor counts as busy. */
const machineBusySeconds = (): number => {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/\s+/) ?? []
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq + steal) / clockTicksPerSecond
}

/** The share of the machine that programs other than this run take, since the call: read it when the work is done. */
export const watchOthers = (): (() => number) => {
  const start = { wallMs: performance.now(), busy: machineBusySeconds(), own: ownSeconds() }
  return () => {
    const others = machineBusySeconds() - start.busy - (ownSeconds() - start.own)
    const seconds = (performance.now() - start.wallMs) / 1_000
    return Math.max(0, others) / (seconds * cpus().length)
  }
}

const ownSeconds = (): number => treeCpuSeconds(process.pid)
