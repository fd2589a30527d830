import { parseArgs } from 'node:util'

/** The command line cannot be understood. */
export class UsageError extends Error {}

export type AskedCall = {
  readonly kind: 'call'
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Undefined: nobody is logged in. */
  readonly as?: string | undefined
  /** What is said of the person here; it wins over what a file says. */
  readonly said: PersonFacts
  readonly people?: string | undefined
  /** The tenant that is called; undefined: the default one, or the first. */
  readonly at?: string | undefined
  readonly websocket: boolean
  readonly csrf: boolean
  readonly origin?: string | undefined
}

export type PersonFacts = {
  readonly roles?: readonly string[] | undefined
  readonly scopes?: readonly string[] | undefined
  readonly tenant?: string | undefined
  readonly acr?: string | undefined
  /** How long ago the person logged in. */
  readonly ageSeconds?: number | undefined
}

export type Asked = { readonly kind: 'table' } | { readonly kind: 'help' } | AskedCall

export const usage = `npm run routes
  prints the routes: path, methods, tenants, token, who may, upstream

npm run routes -- --as NAME [facts] METHOD PATH
  explains one decision; without --as nobody is logged in
  --roles a,b --scopes x,y --tenant T --acr LEVEL --age SECONDS   facts of the person
  --people FILE      YAML or JSON: NAME: { roles: [], scopes: [], tenant: T, acr: LEVEL, age: SECONDS }
  --at TENANT        whose address is called; PATH is below its prefix; default: whose prefix PATH has, the default tenant's, or the first's
  --origin URL       the page that calls; default: the app's own
  --no-csrf          the call does not bring the CSRF token
  --websocket        an upgrade

exit code: 0 allowed, 1 refused, 64 not understood or not decided, 78 wrong settings
`

const options = {
  help: { type: 'boolean', short: 'h' },
  as: { type: 'string' },
  roles: { type: 'string' },
  scopes: { type: 'string' },
  tenant: { type: 'string' },
  acr: { type: 'string' },
  age: { type: 'string' },
  people: { type: 'string' },
  at: { type: 'string' },
  origin: { type: 'string' },
  'no-csrf': { type: 'boolean' },
  websocket: { type: 'boolean' },
} as const

/** What is asked for; throws UsageError. */
export const readArguments = (args: readonly string[]): Asked => {
  const { values, positionals } = parsed(args)
  if (values.help === true) return { kind: 'help' }
  const [method, target, more] = positionals
  if (method === undefined && Object.keys(values).length === 0) return { kind: 'table' }
  if (method === undefined || target === undefined || more !== undefined)
    throw new UsageError('Give one method and one path, such as: GET /api/orders/1')
  if (values.as === '') throw new UsageError('--as takes a name')
  if (values.people !== undefined && values.as === undefined)
    throw new UsageError('--people needs --as: whom of them?')
  if (!/^[A-Z]+$/.test(method)) throw new UsageError(`${method} is no method: GET, POST, …`)
  return {
    kind: 'call',
    method,
    target,
    as: values.as,
    said: {
      roles: listOf(values.roles),
      scopes: listOf(values.scopes),
      tenant: values.tenant,
      acr: values.acr,
      ageSeconds: secondsOf(values.age),
    },
    people: values.people,
    at: values.at,
    websocket: values.websocket === true,
    csrf: values['no-csrf'] !== true,
    origin: values.origin,
  }
}

const parsed = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

const listOf = (text: string | undefined): readonly string[] | undefined =>
  text?.split(/[\s,]+/).filter((word) => word !== '')

const secondsOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new UsageError('--age takes whole seconds')
  return Number(text)
}
