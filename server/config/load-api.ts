import { apiRoute, noteTo, readConfigFile } from './config-file.ts'
import type { Config, SessionLife, Tenant } from './config.ts'
import { fileTenants } from './file-tenants.ts'
import * as parse from './parsers.ts'
import type { Env, Reader } from './reader.ts'
import { noteOverlaps } from './tenant-overlaps.ts'

export type ApiSources = {
  readonly env: Env
  readonly readFile: (path: string) => string
  readonly production: boolean
  readonly origin: string
  readonly session: SessionLife
  /** The default tenant. */
  readonly tenant: Tenant | undefined
}

type Api = Pick<Config, 'routes' | 'tenants'>

/** Routes and further tenants: of `UPSTREAM` or CONFIG_FILE, the latter judged as a whole. */
export const loadApi = (read: Reader, sources: ApiSources): Api => {
  const upstream = read.value('UPSTREAM', parse.origin, undefined)
  const file = read.text('CONFIG_FILE')
  if (file === undefined) return { routes: upstream === undefined ? [] : [apiRoute(upstream)] }
  if (read.text('UPSTREAM') !== undefined)
    read.problem('UPSTREAM', 'is set, and CONFIG_FILE as well: keep one')
  const text = contentOf(file, sources.readFile)
  if (text !== undefined) return readApi(read, text, sources)
  read.problem('CONFIG_FILE', 'names a file that cannot be read')
  return { routes: [] }
}

const readApi = (read: Reader, text: string, sources: ApiSources): Api => {
  const { problemAt } = read
  const { routes, tenants: shapes } = readConfigFile(text, { ...sources, problemAt })
  const note = noteTo(problemAt)
  const tenants = fileTenants(shapes, sources, note)
  const { tenant: defaultTenant, origin } = sources
  noteOverlaps({ defaultTenant, tenants, routes, origin }, note)
  return { routes, ...(tenants.length > 0 && { tenants }) }
}

const contentOf = (file: string, readFile: (path: string) => string): string | undefined => {
  try {
    return readFile(file)
  } catch {
    return undefined
  }
}
