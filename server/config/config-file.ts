import type { YAMLParseError } from 'yaml'
import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { asTenantId } from '../core/ids.ts'
import type { Requirement, Route } from './config.ts'
import type { RouteShape } from './file-schema.ts'
import { fileSchema } from './file-schema.ts'
import type { Env, Problem } from './reader.ts'
import type { TenantShape } from './tenant-schema.ts'

const name = 'CONFIG_FILE'
const longestBytes = 1_048_576

export type FileSources = {
  readonly env: Env
  readonly readFile: (path: string) => string
  readonly problemAt: (problem: Problem) => void
}

/** `UPSTREAM` alone: one route `/api` with WebSockets and the defaults. */
export const apiRoute = (upstream: string): Route => ({
  ...toRoute({ path: '/api', upstream: [upstream] }),
  websocket: true,
})

export type FileContent = {
  readonly routes: readonly Route[]
  readonly tenants: readonly TenantShape[]
}

/** What a problem is, by its place in the file. */
export type Note = (place: string, wrong: string) => void

/** Notes problems of CONFIG_FILE among those of the variables. */
export const noteTo =
  (problemAt: FileSources['problemAt']): Note =>
  (place, wrong) =>
    problemAt({ name: `${name} ${place}`.trim(), wrong, example: 'see docs/configuration.md' })

/** Routes and tenants of a CONFIG_FILE; notes every problem with its place in the file. */
export const readConfigFile = (text: string, sources: FileSources): FileContent => {
  const note = noteTo(sources.problemAt)
  const tooLong = Buffer.byteLength(text) > longestBytes
  if (tooLong) note('', 'is larger than 1 MiB')
  const content = tooLong ? undefined : readContent(text, sources, note)
  if (content === undefined) return nothing
  const parsed = fileSchema.safeParse(content.value, { reportInput: true })
  if (!parsed.success) {
    for (const issue of parsed.error.issues) note(placeOf(issue), messageOf(issue))
    return nothing
  }
  return { routes: parsed.data.routes.map(toRoute), tenants: parsed.data.tenants ?? [] }
}

const nothing: FileContent = { routes: [], tenants: [] }

type Content = { readonly value: unknown }

/** One fault of syntax makes many; the first few tell where to look. */
const shownFaults = 3

const readContent = (text: string, sources: FileSources, note: Note): Content | undefined => {
  try {
    const document = parseDocument(text, { stringKeys: true })
    for (const fault of document.errors.slice(0, shownFaults)) note('', syntaxFault(fault))
    if (document.errors.length > 0) return undefined
    const tree: unknown = document.toJS({ maxAliasCount: 50 })
    return { value: expand(tree, '', sources, note) }
  } catch {
    // Too many aliases are counted; a list that holds itself, or levels without end, exhaust the stack.
    note('', 'has aliases that lead nowhere, to themselves or too far, or too many levels')
    return undefined
  }
}

/** By code and place: the parser's own words quote the file, and a secret may stand there. */
const syntaxFault = ({ code, linePos }: Pick<YAMLParseError, 'code' | 'linePos'>): string => {
  const { line, col } = linePos?.[0] ?? { line: 1, col: 1 }
  const fault = code.toLowerCase().replaceAll('_', ' ')
  return `is not valid YAML at line ${line}, column ${col}: ${fault}`
}

/** `${NAME}` and `${file:/path}` in texts, after parsing: what they hold stays a text and cannot become structure. */
const expand = (value: unknown, place: string, sources: FileSources, note: Note): unknown => {
  if (typeof value === 'string') return expandText(value, place, sources, note)
  if (Array.isArray(value))
    return value.map((item, i) => expand(item, `${place}[${i}]`, sources, note))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      expand(item, place === '' ? key : `${place}.${key}`, sources, note),
    ]),
  )
}

const expandText = (text: string, place: string, sources: FileSources, note: Note): string => {
  // After the last brace nothing ends: looked for from each beginning there, a broken file would hold up a broker that serves.
  const end = text.lastIndexOf('}') + 1
  const expanded = text
    .slice(0, end)
    .replace(/\$\{(file:)?([^}]+)\}/g, (_all, file: string | undefined, what: string) =>
      file === undefined
        ? fromEnv(what, place, sources, note)
        : fromFile(what, place, sources, note),
    )
  return `${expanded}${text.slice(end)}`
}

const fromEnv = (variable: string, place: string, { env }: FileSources, note: Note): string => {
  const value = env[variable]
  if (value === undefined || value === '') note(place, `uses \${${variable}}, which is not set`)
  return value ?? ''
}

const fromFile = (path: string, place: string, { readFile }: FileSources, note: Note): string => {
  try {
    return readFile(path).trim()
  } catch {
    note(place, `uses \${file:${path}}, which cannot be read`)
    return ''
  }
}

const placeOf = (issue: z.core.$ZodIssue): string =>
  issue.path.reduce<string>(
    (place, part) =>
      typeof part === 'number'
        ? `${place}[${part}]`
        : `${place}${place === '' ? '' : '.'}${shownKey(String(part))}`,
    '',
  )

const messageOf = (issue: z.core.$ZodIssue): string => {
  if (issue.code === 'unrecognized_keys')
    return `has unknown keys: ${issue.keys.map(shownKey).join(', ')}`
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'is missing'
  return issue.message.charAt(0).toLowerCase() + issue.message.slice(1)
}

/** Less what follows a colon: `{ secret:abc }`, without the blank, is one key. */
const shownKey = (key: string): string => key.replace(/:.*$/s, '').slice(0, 40)

const defaultBodyBytes = 100 * 1_024 * 1_024

const toRoute = (shape: RouteShape): Route => ({
  path: shape.path,
  ...(shape.tenants !== undefined && { tenants: shape.tenants.map(asTenantId) }),
  methods: shape.methods,
  upstreams: shape.upstream,
  stripPrefix: shape.strip_prefix ?? '',
  token: shape.token ?? 'user',
  public: shape.public ?? false,
  audience: shape.audience,
  resource: shape.resource,
  scope: shape.scope,
  require: shape.require && requirementOf(shape.require),
  ...(shape.verify_token === true && { verifyToken: true }),
  csrf: shape.csrf ?? true,
  cors: shape.cors ?? [],
  pass: {
    setCookie: shape.pass?.set_cookie ?? false,
    cookies: shape.pass?.cookies ?? [],
    cache: shape.pass?.cache ?? false,
    html: shape.pass?.html ?? false,
    wwwAuthenticate: shape.pass?.www_authenticate ?? false,
  },
  timeoutMs: {
    connect: shape.timeout?.connect ?? 2_000,
    firstByte: shape.timeout?.first_byte ?? 25_000,
    idle: shape.timeout?.idle ?? 55_000,
  },
  retryIdempotent: shape.retry?.idempotent ?? 1,
  bodyLimitBytes: shape.limits?.body ?? defaultBodyBytes,
  ...limitsOf(shape),
  headers: shape.headers?.length === 0 ? undefined : shape.headers,
  tls: shape.tls,
  websocket: shape.websocket ?? false,
})

const requirementOf = (shape: NonNullable<RouteShape['require']>): Requirement => ({
  roles: shape.roles,
  scopes: shape.scopes,
  acr: shape.acr,
  maxAgeSeconds: shape.max_age,
})

/** Undefined as a whole where there is no limit: a call asks no further. */
const limitsOf = ({ limits: { concurrent, rate } = {} }: RouteShape): Pick<Route, 'limits'> => ({
  limits: concurrent === undefined && rate === undefined ? undefined : { concurrent, rate },
})
