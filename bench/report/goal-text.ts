import type { Goal } from '../findings.ts'

const number = (value: number, digits: number): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

const withUnit = (value: number, { unit, digits }: Goal): string =>
  `${number(value, digits)}${unit === '' ? '' : ` ${unit}`}`

/** What was measured, such as `0.76 ×`. */
export const measuredText = (goal: Goal): string =>
  goal.measured === undefined ? '–' : withUnit(goal.measured, goal)

/** The goal itself, such as `≥ 0.75 ×`. */
export const limitText = (goal: Goal): string =>
  `${goal.bound === 'at least' ? '≥' : '≤'} ${withUnit(goal.limit, goal)}`
