import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { format, resolveConfig } from 'prettier'
import type { Outcome, Pace, Part } from './findings.ts'
import { mostForOthers } from './findings.ts'
import { machineFacts, shareOfOthersNow } from './machine.ts'
import { watchOthers } from './measure/cpu.ts'
import { allParts } from './parts/all.ts'
import { chart } from './report/chart.ts'
import { page, section, summary } from './report/page.ts'

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const pace: Pace = {
  rounds: Number(process.env['BENCH_ROUNDS'] ?? 15),
  seconds: Number(process.env['BENCH_SECONDS'] ?? 2),
  say: (text) => say(`  ${text}`),
}
const isForced = process.env['BENCH_FORCE'] === '1'

const help = `npm run bench -- [part ...]

Measures, prints ratios and which goals are met. Without a part: all of them, and writes docs/benchmarks.md and .svg.

${allParts.map(({ name, title }) => `  ${name.padEnd(12)}${title}`).join('\n')}

  BENCH_ROUNDS=15    rounds of each party; BENCH_SECONDS=2 is the length of one
  BENCH_SESSIONS     live sessions of the part "sessions", 200000
  BENCH_FORCE=1      goes on when other programs keep the machine busy; nothing is written then
  BENCH_DOCS=DIR     writes the page and its picture there, whatever was measured
  PEER_<NAME>_URL, PEER_<NAME>_COOKIE, PEER_<NAME>_PID
                     a running peer for the part "peers"; oauth2-proxy on the PATH is started by itself
`

/** Exit codes: 1 a part failed, 2 no such part, 3 the machine is too busy to judge on. */
const main = async (names: readonly string[]): Promise<number> => {
  if (names.includes('--help')) {
    say(help)
    return 0
  }
  const unknown = names.filter((name) => !allParts.some((part) => part.name === name))
  if (unknown.length > 0) {
    say(`There is no part ${unknown.join(', ')}.\n\n${help}`)
    return 2
  }
  const others = await shareOfOthersNow()
  if (others > mostForOthers && !isForced) {
    say(`${busy(others)} Nothing was measured; BENCH_FORCE=1 measures all the same.`)
    return 3
  }
  const parts = names.length === 0 ? allParts : allParts.filter(({ name }) => names.includes(name))
  const outcomes = await runAll(parts)
  const disturbed = outcomes.filter(({ othersShare }) => othersShare > mostForOthers)
  await writeDocs(outcomes, { isWhole: names.length === 0, isJudged: disturbed.length === 0 })
  say(summary(outcomes))
  for (const { part, othersShare } of disturbed) say(`${part.name}: ${busy(othersShare)}`)
  if (outcomes.some(({ findings }) => 'failed' in findings)) return 1
  return disturbed.length > 0 ? 3 : 0
}

const busy = (share: number): string =>
  `WARNING: other programs take ${(share * 100).toFixed(0)} % of this machine: figures mean nothing.`

const runAll = async (parts: readonly Part[]): Promise<readonly Outcome[]> => {
  const outcomes: Outcome[] = []
  for (const part of parts) {
    say(`\n${part.name}: ${part.title}`)
    const outcome = await runOne(part)
    outcomes.push(outcome)
    say(`\n${section(outcome)}`)
  }
  return outcomes
}

const runOne = async (part: Part): Promise<Outcome> => {
  const othersShare = watchOthers()
  try {
    return { part, findings: await part.run(pace), othersShare: othersShare() }
  } catch (error) {
    const failed = error instanceof Error ? error.message : String(error)
    return { part, findings: { failed }, othersShare: othersShare() }
  }
}

type Worth = { readonly isWhole: boolean; readonly isJudged: boolean }

/** Only a whole run on a quiet machine replaces the page. */
const writeDocs = async (
  outcomes: readonly Outcome[],
  { isWhole, isJudged }: Worth,
): Promise<void> => {
  const asked = process.env['BENCH_DOCS']
  if (asked === undefined && !(isWhole && isJudged)) {
    if (isWhole) say('docs/benchmarks.md stays as it was.')
    return
  }
  const dir = asked ?? 'docs'
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'benchmarks.svg'), chart(outcomes))
  const text = page(outcomes, machineFacts(pace), 'benchmarks.svg')
  const style = await resolveConfig(import.meta.filename)
  writeFileSync(join(dir, 'benchmarks.md'), await format(text, { ...style, parser: 'markdown' }))
  say(`Written: ${dir}/benchmarks.md and benchmarks.svg.`)
}

process.exitCode = await main(process.argv.slice(2))
