import type { z } from 'zod'
import { asTenantId } from '../core/ids.ts'
import type { Steps } from '../core/steps.ts'
import type { Requirement, Route } from './config.ts'
import { placeOf, wrongOf } from './file-faults.ts'
import type { FileNotes } from './file-notes.ts'
import type { FileShape, RouteShape } from './file-schema.ts'
import { fileSchema } from './file-schema.ts'
import { mended } from './mended.ts'
import type { FileSources } from './placeholders.ts'
import { filledIn } from './placeholders.ts'
import type { TenantShape } from './tenant-schema.ts'
import type { Tree } from './yaml-tree.ts'

/** `UPSTREAM` alone: one route `/api` with WebSockets and the defaults. */
export const apiRoute = (upstream: string): Route => ({
  ...toRoute({ path: '/api', upstream: [upstream] }),
  websocket: true,
})

export type FileContent = {
  readonly routes: readonly Route[]
  readonly tenants: readonly TenantShape[]
}

/** Routes and tenants of a CONFIG_FILE; notes every problem with its place in the file. */
export function* readConfigFile(
  tree: Tree,
  sources: FileSources,
  notes: FileNotes,
): Steps<FileContent> {
  if (!tree.ok) for (const fault of tree.faults) notes.note('', fault)
  yield
  const content = tree.ok ? filledIn(tree.value, sources, notes) : undefined
  yield
  const shape = tree.ok ? shapeOf(content, notes) : undefined
  yield
  return { routes: shape?.routes.map(toRoute) ?? [], tenants: shape?.tenants ?? [] }
}

/** Rules that bind several keys are looked at when each of the keys is right. */
const mostRounds = 4

const shapeOf = (content: unknown, notes: FileNotes): FileShape | undefined => {
  let judged = content
  for (let round = 0; round < mostRounds; round += 1) {
    const parsed = fileSchema.safeParse(judged, { reportInput: true })
    if (parsed.success) return parsed.data
    const { issues } = parsed.error
    for (const issue of issues) notes.note(placeOf(issue), wrongOf(issue))
    for (const issue of issues) if (!isUnknownKey(issue)) notes.spoil(placeOf(issue))
    judged = mended(
      judged,
      issues.map((issue) => ({
        path: issue.path,
        ...(isUnknownKey(issue) && { unknownKeys: issue.keys }),
      })),
    )
  }
  return undefined
}

type Issue = z.core.$ZodIssue

const isUnknownKey = (issue: Issue) => issue.code === 'unrecognized_keys'

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
