import type { Bars, Findings, Goal, Outcome } from '../findings.ts'
import { verdictOf } from '../findings.ts'
import { limitText, measuredText } from './goal-text.ts'

const width = 900
const rowHeight = 24
const labelWidth = 400
const barWidth = 260
const barLeft = labelWidth + 10
/** A bar is drawn up to this multiple of its goal. */
const longest = 2

/** Colours that read on white and on black; the words say it all without them. */
const style = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 } .faint { fill: #57606a }
  .bar { fill: #4f7cac } .met { fill: #2f855a } .missed { fill: #c2571a } .line { stroke: #24292f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .faint { fill: #9da7b3 } .line { stroke: #e6edf3 }
    .bar { fill: #6f9fd0 } .met { fill: #3fb27f } .missed { fill: #e8834a }
  }`

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const text = (x: number, y: number, words: string, attributes = ''): string =>
  `<text x="${x}" y="${y}"${attributes}>${escaped(words)}</text>`

const label = (y: number, words: string) => text(labelWidth, y, words, ' text-anchor="end"')

const bar = (y: number, length: number, kind: string) =>
  `<rect class="${kind}" x="${barLeft}" y="${y - 13}" width="${length.toFixed(1)}" height="16" rx="2"/>`

/** Rows of a picture, each given the height where it stands. */
type Row = (y: number) => string

const title =
  (words: string, note = ''): Row =>
  (y) =>
    text(10, y, words, ' class="title"') + text(barLeft, y, note, ' class="faint"')

const blank: Row = () => ''

const valueRows = ({ title: words, rows }: Bars): readonly Row[] => {
  const most = Math.max(...rows.map(({ value }) => value))
  return [
    title(words),
    ...rows.map(
      (row): Row =>
        (y) =>
          label(y, row.label) +
          bar(y, (row.value / most) * barWidth, 'bar') +
          text(barLeft + barWidth + 10, y, Math.round(row.value).toLocaleString('en')),
    ),
    blank,
  ]
}

/** How much of what a goal allows is used: 1 is just met, more is missed. */
export const allowanceUsed = ({ bound, limit, measured = Number.NaN }: Goal): number =>
  bound === 'at least' ? limit / measured : measured / limit

const goalRow =
  (goal: Goal): Row =>
  (y) => {
    const verdict = verdictOf(goal)
    const used = Math.min(longest, Math.max(0.01, allowanceUsed(goal)))
    const drawn = Number.isNaN(used) ? '' : bar(y, (used / longest) * barWidth, verdict)
    const words = `${measuredText(goal)} (${limitText(goal)}) ${verdict}`
    return label(y, goal.text) + drawn + text(barLeft + barWidth + 10, y, words)
  }

const goalRows = (goals: readonly Goal[]): readonly Row[] => {
  const x = barLeft + barWidth / longest
  const line: Row = (y) =>
    `<line class="line" x1="${x}" x2="${x}" y1="${y - 14}" y2="${y + (goals.length - 1) * rowHeight + 8}"/>`
  const heading = title('goals', 'left of the line: met')
  return [
    heading,
    (y) => line(y) + (goals[0] ? goalRow(goals[0])(y) : ''),
    ...goals.slice(1).map(goalRow),
  ]
}

const failedRow =
  (outcome: Outcome): Row =>
  (y) =>
    label(y, outcome.part.title) + text(barLeft, y, 'failed: not measured')

/** All of it as one SVG, readable on a light and on a dark page. */
export const chart = (outcomes: readonly Outcome[]): string => {
  const findings = outcomes.flatMap((outcome): Findings[] =>
    'failed' in outcome.findings ? [] : [outcome.findings],
  )
  const rows = [
    ...findings.flatMap(({ bars }) => (bars === undefined ? [] : valueRows(bars))),
    ...goalRows(findings.flatMap(({ goals }) => goals)),
    ...outcomes.filter(({ findings: found }) => 'failed' in found).map(failedRow),
  ]
  const height = (rows.length + 1) * rowHeight
  const drawn = rows.map((row, i) => row((i + 1) * rowHeight))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>Benchmarks: requests per second, and goals</title>`,
    `<style>${style}\n</style>`,
    ...drawn,
    '</svg>\n',
  ].join('\n')
}
