import { spawnSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchOthers } from './measure/cpu.ts'
import { loadTool } from './measure/load.ts'
import type { Facts } from './report/page.ts'

const lookMs = 3_000

/** The share of the machine that others take now, before anything is started here. */
export const shareOfOthersNow = async (): Promise<number> => {
  const share = watchOthers()
  await sleep(lookMs)
  return share()
}

/** What the figures depend on; never the machine's name. */
export const machineFacts = (pace: { rounds: number; seconds: number }): Facts => ({
  cores: cpus().length,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  memoryGib: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  redis: versionOf('redis-server', ['--version'], /v=(\S+)/),
  loadTool,
  rounds: pace.rounds,
  seconds: pace.seconds,
})

const versionOf = (command: string, args: readonly string[], found: RegExp): string =>
  found.exec(spawnSync(command, args, { encoding: 'utf8' }).stdout)?.[1] ?? 'unknown'
