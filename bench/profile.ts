import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connections, loadRound } from './measure/load.ts'
import type { CpuProfile } from './profile/self-time.ts'
import { selfTimes } from './profile/self-time.ts'
import { selfTimeTables } from './profile/tables.ts'
import { startBroker } from './world/broker.ts'
import { withEnding } from './world/ending.ts'
import { brokerTarget, startSurroundings } from './world/world.ts'

const seconds = Number(process.env['BENCH_SECONDS'] ?? 10)

/** V8 stamps its samples by the same clock. */
const monotonicUs = (): number => Number(process.hrtime.bigint() / 1_000n)

/** The profile of a broker process under load, and when the load was on. */
const profiledLoad = async (dir: string) =>
  await withEnding(async (t) => {
    const nodeFlags = ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${dir}`]
    const around = await startSurroundings(t)
    const broker = await startBroker(t, { ...around, nodeFlags })
    const target = await brokerTarget('broker', broker)
    await loadRound(target, 3)
    const fromUs = monotonicUs()
    const round = await loadRound(target, seconds)
    return { ...round, fromUs, toUs: monotonicUs() }
  })

const main = async (): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-bench-profile-'))
  try {
    const { requestsPerSecond, cpuSecondsPer10k, fromUs, toUs } = await profiledLoad(dir)
    const [file] = await readdir(dir)
    if (file === undefined) throw new Error('the broker left no profile')
    // Node wrote it.
    const profile = JSON.parse(await readFile(join(dir, file), 'utf8')) as CpuProfile
    process.stdout.write(
      `${connections} connections, ${seconds} s, ${requestsPerSecond.toFixed(0)} requests/s and ` +
        `${cpuSecondsPer10k.toFixed(2)} CPU-s per 10,000 while profiled.\n\n` +
        selfTimeTables(selfTimes(profile, { fromUs, toUs }), requestsPerSecond * seconds),
    )
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

await main()
