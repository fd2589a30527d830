import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'
import type { AllowRule } from './config.ts'
import type { Parser } from './parsers.ts'
import { list } from './parsers.ts'

type Kind = AllowRule['kind']

const label = '[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]*[\\p{L}\\p{N}])?'
const anyName = /^[^\p{Cc}]+$/u
const noName = 'has no value, or a % that is neither %2C nor %25'

/** What each kind takes, and what is wrong with what it does not take, to go on after "which". */
const kinds: Readonly<Record<Kind, { readonly shape: RegExp; readonly wrong: string }>> = {
  domain: {
    shape: new RegExp(`^${label}(?:\\.${label})+$`, 'u'),
    wrong: 'is no domain such as example.com, without @ and *',
  },
  group: { shape: anyName, wrong: noName },
  role: { shape: anyName, wrong: noName },
  tid: { shape: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, wrong: 'is no GUID' },
}

const caseless: ReadonlySet<Kind> = new Set(['domain', 'tid'])

/**
 * Who may log in, as `kind:value` with commas between; a comma within a value is `%2C`, a percent sign `%25`.
 * A malformed rule is named: passed over, it would let in too many or nobody.
 */
export const allowRules: Parser<readonly AllowRule[]> = (text) => {
  const parts = list(text)
  if (!parts.ok) return parts
  const rules: AllowRule[] = []
  for (const part of parts.value) {
    const rule = ruleOf(part)
    if (!rule.ok) return err(`has the rule ${shown(part)}, which ${rule.reason}`)
    rules.push(rule.value)
  }
  return ok(rules)
}

const ruleOf = (text: string): Result<AllowRule, string> => {
  const [, word = '', rest = ''] = /^([a-z]+):(.*)$/s.exec(text) ?? []
  if (!isKind(word)) return err('begins with none of domain:, group:, role:, tid:')
  const { shape, wrong } = kinds[word]
  const value = unescaped(rest.trim())
  if (value === undefined || !shape.test(value)) return err(wrong)
  return ok({ kind: word, value: caseless.has(word) ? value.toLowerCase() : value })
}

const isKind = (word: string): word is Kind => Object.hasOwn(kinds, word)

const unescaped = (text: string): string | undefined =>
  /%(?!2C|25)/i.test(text) ? undefined : text.replace(/%2C/gi, ',').replaceAll('%25', '%')

const longestShown = 80

const shown = (text: string): string =>
  JSON.stringify(text.length > longestShown ? `${text.slice(0, longestShown)}…` : text)
