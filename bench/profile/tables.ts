import { markdownTable } from '../report/markdown.ts'
import type { SelfTime } from './self-time.ts'

const rowsShown = 30

/** Tables in Markdown: by whom the time is spent for, by where it is spent, and by function. */
export const selfTimeTables = (times: readonly SelfTime[], requests: number): string => {
  const totalUs = times.reduce((sum, { us }) => sum + us, 0)
  const figures = (us: number) => [
    `${((us / totalUs) * 100).toFixed(1)} %`,
    (us / requests).toFixed(2),
  ]
  const summed = (title: string, nameOf: (time: SelfTime) => string): string =>
    markdownTable({
      head: [title, 'self time', 'µs per call'],
      rows: sums(times, nameOf)
        .slice(0, rowsShown)
        .map(([name, us]) => [name, ...figures(us)]),
    })
  const functions = times
    .slice(0, rowsShown)
    .map(({ module, fn, askedBy, us }) => [`\`${fn}\``, module, askedBy, ...figures(us)])
  return [
    summed('asked for by (part)', ({ askedBy }) => partOf(askedBy)),
    summed('asked for by (file or package)', ({ askedBy }) => askedBy),
    summed('spent in', ({ module }) => partOf(module)),
    markdownTable({
      head: ['function', 'spent in', 'asked for by', 'self time', 'µs per call'],
      rows: functions,
    }),
  ].join('\n')
}

const sums = (
  times: readonly SelfTime[],
  nameOf: (time: SelfTime) => string,
): readonly (readonly [string, number])[] => {
  const all = new Map<string, number>()
  for (const time of times) all.set(nameOf(time), time.us + (all.get(nameOf(time)) ?? 0))
  return [...all].toSorted(([, a], [, b]) => b - a)
}

/** Rooms and foundations of `server/`, modules of Node, packages. */
const partOf = (module: string): string =>
  /^server\/[^/]+(?=\/)/.exec(module)?.[0] ?? /^node:[^/]+/.exec(module)?.[0] ?? module
