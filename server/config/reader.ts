import type { SettingName } from './env.ts'
import { settings } from './env.ts'
import type { Parser } from './parsers.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** One thing that is wrong with a setting. */
export type Problem = { readonly name: string; readonly wrong: string; readonly example: string }

export type Reader = {
  /** The setting's text, from `NAME` or the file that `NAME_FILE` names, less the blanks around it; empty is unset. */
  readonly text: (name: SettingName) => string | undefined
  /** The setting's value; what is wrong is noted, and the fallback stands in until the end. */
  readonly value: <T, F>(name: SettingName, parse: Parser<T>, fallback: F) => T | F
  readonly problem: (name: SettingName, wrong: string) => void
  /** Notes that the setting is missing, unless something else about it is wrong already. */
  readonly require: (name: SettingName, wrong: string) => void
  readonly problemAt: (problem: Problem) => void
  readonly problems: readonly Problem[]
}

/** Reads settings and keeps every problem, so that all are shown at once. */
export const settingsReader = (env: Env, readFile: (path: string) => string): Reader => {
  const problems: Problem[] = []
  const problem = (name: SettingName, wrong: string) => {
    if (!problems.some((known) => known.name === name && known.wrong === wrong))
      problems.push({ name, wrong, example: settings[name].example })
  }

  const text = (name: SettingName): string | undefined => {
    const plain = env[name]?.trim() || undefined
    const path = env[`${name}_FILE`]?.trim()
    // CONFIG_FILE is a setting itself, not the file of one named CONFIG.
    if (path === undefined || path === '') return plain
    if (plain !== undefined) {
      problem(name, `is set, and ${name}_FILE as well: keep one`)
      return undefined
    }
    try {
      return readFile(path).trim() || undefined
    } catch {
      problem(name, `cannot be read from the file in ${name}_FILE`)
      return undefined
    }
  }

  return {
    text,
    problem,
    problems,
    require: (name, wrong) => {
      if (text(name) === undefined && !problems.some((known) => known.name === name))
        problem(name, wrong)
    },
    problemAt: (one) => problems.push(one),
    value: (name, parse, fallback) => {
      const raw = text(name)
      if (raw === undefined) return fallback
      const parsed = parse(raw)
      if (parsed.ok) return parsed.value
      problem(name, parsed.reason)
      return fallback
    },
  }
}
