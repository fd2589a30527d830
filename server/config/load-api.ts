import { apiRoute, readConfigFile } from './config-file.ts'
import type { Config, SessionLife, Tenant } from './config.ts'
import { fileNotes } from './file-notes.ts'
import { fileTenants } from './file-tenants.ts'
import type { Steps } from '../core/steps.ts'
import * as parse from './parsers.ts'
import type { Env, Reader } from './reader.ts'
import { noteUnfit } from './route-tenant-rules.ts'
import { noteOverlaps } from './tenant-overlaps.ts'
import type { Tree } from './yaml-tree.ts'

export type ApiSources = {
  readonly env: Env
  readonly readFile: (path: string) => string
  readonly treeOf: (text: string) => Tree
  readonly production: boolean
  readonly origin: string
  readonly session: SessionLife
  /** The default tenant. */
  readonly tenant: Tenant | undefined
}

type Api = Pick<Config, 'routes' | 'tenants'>

/** Routes and further tenants: of `UPSTREAM` or CONFIG_FILE, the latter judged as a whole. */
export function* loadApi(read: Reader, sources: ApiSources): Steps<Api> {
  const upstream = read.value('UPSTREAM', parse.origin, undefined)
  const file = read.text('CONFIG_FILE')
  if (file === undefined) return { routes: upstream === undefined ? [] : [apiRoute(upstream)] }
  if (read.text('UPSTREAM') !== undefined)
    read.problem('UPSTREAM', 'is set, and CONFIG_FILE as well: keep one')
  const text = contentOf(read, file, sources.readFile)
  return text === undefined ? { routes: [] } : yield* readApi(read, text, sources)
}

function* readApi(read: Reader, text: string, sources: ApiSources): Steps<Api> {
  const notes = fileNotes(read.problemAt)
  const { routes, tenants: shapes } = yield* readConfigFile(sources.treeOf(text), sources, notes)
  const { tenant: defaultTenant, origin } = sources
  const isPlain = origin.startsWith('http:') && !isOriginWrong(read, sources)
  const tenants = yield* fileTenants(shapes, { ...sources, isPlain }, notes.note)
  const set = { defaultTenant, tenants, routes, origin }
  noteOverlaps(set, notes)
  yield
  noteUnfit(set, notes.note)
  return { routes, ...(tenants.length > 0 && { tenants }) }
}

/** Then the origin at hand is a stand-in, and says nothing about hosts. */
const isOriginWrong = ({ problems, text }: Reader, { production }: ApiSources): boolean =>
  problems.some(({ name }) => name === 'BASE_URL') || (production && text('BASE_URL') === undefined)

const contentOf = (
  read: Reader,
  file: string,
  readFile: (path: string) => string,
): string | undefined => {
  try {
    return readFile(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    read.problem('CONFIG_FILE', `names a file that cannot be read${code}`)
    return undefined
  }
}
