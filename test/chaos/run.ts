import { writeFile } from 'node:fs/promises'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { wholeStorm } from '../keycloak/storm.ts'
import type { Run } from './report.ts'
import { reliabilityReport } from './report.ts'
import { chance, seedFrom } from './random.ts'
import { keycloakStorm } from './scenario-keycloak.ts'
import type { Scenario } from './suite.ts'
import { fullSizes, scenarios } from './suite.ts'
import { cleanupStack } from './world.ts'

const report = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url))

const withKeycloak: readonly Scenario[] = [
  ...scenarios,
  { name: 'keycloak', run: (t) => keycloakStorm(t, wholeStorm) },
]

/** Runs every scenario, or those of `CHAOS_ONLY=storm,logout`; a whole run writes docs/reliability.md. */
const main = async (): Promise<void> => {
  const seed = seedFrom(process.env)
  const sizes = fullSizes(process.env)
  const only = process.env['CHAOS_ONLY']?.split(',')
  process.stdout.write(`CHAOS_SEED=${seed}\n`)
  const runs: Run[] = []
  for (const { name, run } of withKeycloak) {
    if (only?.includes(name) === false) continue
    const t = cleanupStack()
    try {
      const figures = await run(t, sizes, chance(seed))
      process.stdout.write(`${JSON.stringify(figures, undefined, 2)}\n`)
      runs.push({ name, figures })
    } finally {
      await t.end()
    }
  }
  if (only === undefined) await writeReport(reliabilityReport(runs, seed))
  process.exitCode = runs.some(({ figures }) => figures.faults.length > 0) ? 1 : 0
}

const writeReport = async (text: string): Promise<void> => {
  const style = await resolveConfig(report)
  await writeFile(report, await format(text, { ...style, filepath: report }))
}

// What the scenarios have started ends with this process, if it ends by itself.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
await main()
