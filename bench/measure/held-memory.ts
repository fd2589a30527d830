import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HoldOpen } from '../clients/hold-open.ts'
import { startChild } from '../world/children.ts'
import { residentBytes } from './cpu.ts'

const client = new URL('../clients/hold-open.ts', import.meta.url).pathname
const collector = new URL('../hosts/collect-garbage.ts', import.meta.url).pathname

/** Flags of a process whose memory is measured: it collects its garbage when it is told to. */
export const collectable = ['--expose-gc', '--import', collector] as const

const warmUpCount = 300
const settleMs = 1_500

/** Resident memory for each connection that is held open; both readings after a collection of garbage. */
export const bytesPerConnection = async (pid: number, plan: HoldOpen): Promise<number> => {
  // What the first connections bring with them, code above all, is not theirs.
  const first = await hold({ ...plan, count: warmUpCount })
  await first.end()
  const before = await settledBytes(pid)
  const held = await hold(plan)
  const after = await settledBytes(pid)
  if (held.hasEnded()) throw new Error(`not all stayed open: ${held.complaints()}`)
  await held.end()
  return (after - before) / plan.count
}

const hold = async (plan: HoldOpen) => {
  const child = startChild(process.execPath, [client, JSON.stringify(plan)])
  await child.line(/^open$/)
  return child
}

const settledBytes = async (pid: number): Promise<number> => {
  await sleep(settleMs)
  process.kill(pid, 'SIGUSR2')
  await sleep(settleMs)
  return residentBytes(pid)
}

/** Throws, with the way out, where the system allows too few open files. */
export const requireOpenFiles = (needed: number): void => {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const hard = /Max open files\s+\S+\s+(\S+)/.exec(limits)?.[1] ?? '0'
  if (hard !== 'unlimited' && Number(hard) < needed)
    throw new Error(
      `a process may open ${hard} files, and ${needed} are needed: ulimit -n ${needed}`,
    )
}
