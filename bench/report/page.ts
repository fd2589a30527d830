import type { Findings, Goal, Outcome, Verdict } from '../findings.ts'
import { mostForOthers, verdictOf } from '../findings.ts'
import { limitText, measuredText } from './goal-text.ts'
import { markdownTable } from './markdown.ts'

export type Facts = {
  readonly cores: number
  readonly cpu: string
  readonly memoryGib: number
  readonly node: string
  readonly redis: string
  readonly loadTool: string
  readonly rounds: number
  readonly seconds: number
}

const marks: Readonly<Record<Verdict, string>> = {
  met: 'met',
  missed: '**missed**',
  'not measured': '**not measured**',
}

const found = ({ findings }: Outcome): Findings | undefined =>
  'failed' in findings ? undefined : findings

/** How many goals were met, missed and not measured, and which parts failed, in a sentence. */
export const summary = (outcomes: readonly Outcome[]): string => {
  const verdicts = outcomes.flatMap((outcome) => found(outcome)?.goals ?? []).map(verdictOf)
  const count = (verdict: Verdict) => verdicts.filter((each) => each === verdict).length
  const failed = outcomes
    .filter(({ findings }) => 'failed' in findings)
    .map(({ part }) => part.name)
  const tail =
    failed.length === 0 ? '' : ` Failed, and so not measured at all: ${failed.join(', ')}.`
  return `${count('met')} goals met, ${count('missed')} missed, ${count('not measured')} not measured.${tail}`
}

const goalsTable = (goals: readonly Goal[]): string =>
  markdownTable({
    head: ['goal', 'wanted', 'measured', ''],
    rows: goals.map((goal) => [
      goal.text,
      limitText(goal),
      measuredText(goal),
      `${marks[verdictOf(goal)]}${goal.note === undefined ? '' : `: ${goal.note}`}`,
    ]),
  })

/** One part: how, the figures, the goals. */
export const section = ({ part, findings, othersShare }: Outcome): string => {
  const head = `## ${part.title}\n\n\`npm run bench -- ${part.name}\`\n`
  if ('failed' in findings) return `${head}\n**This part failed:** ${findings.failed}\n`
  const { about, tables, goals } = findings
  const others = `Other programs took ${(othersShare * 100).toFixed(0)} % of the machine meanwhile${othersShare > mostForOthers ? ': **these figures mean nothing**' : ''}.`
  return [head, `${about} ${others}\n`, ...tables.map(markdownTable), goalsTable(goals)].join('\n')
}

/** docs/benchmarks.md as a whole; the picture lies beside it. */
export const page = (outcomes: readonly Outcome[], facts: Facts, picture: string): string =>
  [
    '# Benchmarks\n',
    'Written by `npm run bench`, which starts everything itself. Figures are medians of rounds in which the parties took turns; ratios are medians of the ratios of such rounds, and are what can be compared between machines.\n',
    `**${summary(outcomes)}**\n`,
    `![Requests per second of each party, and how much of each goal's allowance is used](${picture})\n`,
    markdownTable({ head: ['machine', ''], rows: factRows(facts) }),
    ...outcomes.map(section),
  ].join('\n')

const factRows = (facts: Facts): readonly (readonly string[])[] => [
  ['processor', `${facts.cpu}, ${facts.cores} cores, ${facts.memoryGib} GiB`],
  ['Node', facts.node],
  ['Redis', facts.redis],
  ['load by', `${facts.loadTool}, 32 connections, on the same machine`],
  ['rounds', `${facts.rounds} of ${facts.seconds} s`],
]
