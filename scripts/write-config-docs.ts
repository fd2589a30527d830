import { writeFileSync } from 'node:fs'
import { settings } from '../server/config/env.ts'
import type { Setting } from '../server/config/setting.ts'
import { settingGroups } from '../server/config/setting.ts'
import { configFileDocs } from './config-file-docs.ts'

type Row = readonly [name: string, setting: Setting]

const groups = () =>
  Object.entries(settingGroups).map(([group, title]) => ({ title, rows: rowsOf(group) }))

const rowsOf = (group: string): readonly Row[] =>
  Object.entries<Setting>(settings).filter(([, setting]) => setting.group === group)

const meaningOf = ({ meaning, later }: Setting): string =>
  later === true ? `${meaning} Without effect in this version.` : meaning

/** .env.example: every variable, commented out, so that a copy of it changes nothing until someone does. */
export const envExample = (): string => {
  const parts = groups().map(({ title, rows }) =>
    [`# ---- ${title} ----`, ...rows.map(variableText)].join('\n\n'),
  )
  return `# The settings of Latchkey, each with an example. Copy this file to .env (read in development only), take the "#"
# from the start of a line, and put your value there. NAME_FILE=/path gives NAME from a file.
# More about each: docs/configuration.md

${parts.join('\n\n')}
`
}

const variableText = ([name, setting]: Row): string => {
  const lines = [`# ${meaningOf(setting).replaceAll('`', '')}`]
  if (setting.default !== undefined) lines.push(`# Default: ${setting.default}`)
  lines.push(`#${name}=${quoted(setting.example)}`)
  return lines.join('\n')
}

/** As `.env` files are read: a blank, a quote or a "#" needs quotes around it. */
const quoted = (text: string): string => {
  if (!/[\s'"#]/.test(text)) return text
  return text.includes("'") ? `"${text}"` : `'${text}'`
}

/** docs/configuration.md: the same table for reading, and what holds for all of it. */
export const configDocs = (): string => `# Configuration

Latchkey is told everything by environment variables, and its routes, where there are several, by one file.

- \`NAME_FILE=/path\` gives the setting \`NAME\` from a file, as Docker and Kubernetes hand out secrets. Both at once are an error.
- Blanks around a value do not count; an empty value is unset.
- \`.env\` in the working directory is read unless \`NODE_ENV\` is \`production\`; the environment stands above it.
  [.env.example](../.env.example) lists every variable.
- What is missing, malformed or contradictory stops the start with exit code 78, every problem at once, each with the name of the
  variable, what is wrong and an example. The value of a setting is never shown.
- In production there are no development defaults: ${productionNeeds}.
- A variable that begins like ours and is none of them is warned about.
- \`OTEL_*\`, the standard names, have no effect in this version.

${groups().map(groupText).join('\n\n')}

${configFileDocs}
This page and \`.env.example\` are written from \`server/config/env.ts\` by \`npm run docs\`; a test holds them together.
`

const productionNeeds =
  '`BASE_URL` (https), `OIDC_ISSUER` with its client or tenants in `CONFIG_FILE`, `REDIS_URL`, `SESSION_SECRET`, `SESSION_KEYS`, and `UPSTREAM` or `CONFIG_FILE` must be set, and secrets copied from this page are refused'

const groupText = ({ title, rows }: ReturnType<typeof groups>[number]): string =>
  [
    `## ${title}`,
    '',
    '| name | meaning | default | example |',
    '|---|---|---|---|',
    ...rows.map(
      ([name, setting]) =>
        `| \`${name}\` | ${cell(meaningOf(setting))} | ${cell(setting.default ?? '')} | \`${cell(setting.example)}\` |`,
    ),
  ].join('\n')

const cell = (text: string): string => text.replaceAll('|', '\\|')

if (import.meta.main) {
  writeFileSync('.env.example', envExample())
  writeFileSync('docs/configuration.md', configDocs())
}
