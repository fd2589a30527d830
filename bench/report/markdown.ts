import type { Table } from '../findings.ts'

/** A table in Markdown. */
export const markdownTable = ({ head, rows }: Table): string => {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`
}
