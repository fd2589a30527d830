import { asTenantId } from '../core/ids.ts'
import type { Steps } from '../core/steps.ts'
import type { SessionLife, Tenant } from './config.ts'
import type { Note } from './file-notes.ts'
import { loadTenant } from './load-tenant.ts'
import type { Env } from './reader.ts'
import { settingsReader } from './reader.ts'
import { isPlaceholder } from './secret-parsers.ts'
import { isLoopback } from './parsers.ts'
import * as parse from './parsers.ts'
import { tenantHost } from './tenant-host.ts'
import type { TenantShape } from './tenant-schema.ts'
import { tenantKeys } from './tenant-schema.ts'

export type TenantDefaults = {
  readonly production: boolean
  /** Whether BASE_URL is plain http, and with it a tenant's hosts. */
  readonly isPlain: boolean
  /** How long the sessions of a tenant live that says nothing of it. */
  readonly session: SessionLife
}

/**
 * The tenants of a CONFIG_FILE. Each is read as the default tenant is from `OIDC_*`, by the same rules; what is wrong is noted
 * under the names that it has in the file.
 */
export function* fileTenants(
  shapes: readonly TenantShape[],
  defaults: TenantDefaults,
  note: Note,
): Steps<readonly Tenant[]> {
  const found: Tenant[] = []
  for (const [i, shape] of shapes.entries()) {
    const noteHere: Note = (key, wrong) => note(`tenants[${i}].${key}`, wrong)
    const tenant = fileTenant(shape, defaults, noteHere)
    if (tenant !== undefined) found.push(tenant)
    yield
  }
  return found
}

const fileTenant = (
  shape: TenantShape,
  { production, isPlain, session }: TenantDefaults,
  note: Note,
): Tenant | undefined => {
  const read = settingsReader(envOf(shape), () => '')
  const tenant = loadTenant(read, production, asTenantId(shape.id))
  const life = lifeOf(read, session)
  if (production)
    for (const name of ['OIDC_CLIENT_SECRET', 'OIDC_CLIENT_SECRET_NEXT'] as const)
      if (isPlaceholder(read.text(name) ?? '')) read.problem(name, 'is a text of the documentation')
  for (const { name, wrong } of read.problems) note(inFile(name), inFile(wrong))
  const hosts = hostsOf(shape, isPlain, note)
  return (
    tenant && {
      ...tenant,
      ...(hosts.length > 0 && { hosts }),
      ...(shape.path_prefix !== undefined && { pathPrefix: shape.path_prefix }),
      ...(shape.session !== undefined && { session: life }),
      ...(shape.tenant_claim !== undefined && {
        tenantClaim: {
          path: shape.tenant_claim,
          values: shape.tenant_claim_values ?? [shape.id],
        },
      }),
    }
  )
}

const paths = Object.entries(tenantKeys).map(([name, key]) => [name, key.split('.')] as const)

const envOf = (shape: TenantShape): Env =>
  Object.fromEntries(paths.map(([name, path]) => [name, textAt(shape, path)]))

const textAt = (shape: TenantShape, path: readonly string[]): string | undefined => {
  const found = path.reduce<unknown>(member, shape)
  return typeof found === 'string' ? found : undefined
}

const member = (holder: unknown, name: string): unknown =>
  typeof holder === 'object' && holder !== null ? Reflect.get(holder, name) : undefined

/** A message about settings with the names that the file has for them. */
export const inFile = (text: string): string =>
  text.replace(/\b(?:OIDC|SESSION)_[A-Z_]+\b/g, (name) =>
    isTenantKey(name) ? tenantKeys[name] : name,
  )

const isTenantKey = (name: string): name is keyof typeof tenantKeys =>
  Object.hasOwn(tenantKeys, name)

/** The longest that a browser keeps a cookie. */
export const longestLifeSeconds = 400 * 86_400

/** How long sessions live, by the settings or as it is elsewhere. */
export const lifeOf = (
  read: ReturnType<typeof settingsReader>,
  fallback: SessionLife,
): SessionLife => {
  const seconds = parse.integer(1, longestLifeSeconds)
  const idleSeconds = read.value('SESSION_IDLE_SECONDS', seconds, fallback.idleSeconds)
  const absoluteSeconds = read.value('SESSION_ABSOLUTE_SECONDS', seconds, fallback.absoluteSeconds)
  if (idleSeconds > absoluteSeconds)
    read.problem('SESSION_IDLE_SECONDS', 'is longer than SESSION_ABSOLUTE_SECONDS')
  return { idleSeconds, absoluteSeconds }
}

const hostsOf = ({ hosts = [] }: TenantShape, isPlain: boolean, note: Note): readonly string[] =>
  hosts.map((text, i) => {
    const host = tenantHost(text)
    if (!host.ok) note(`hosts[${i}]`, host.reason)
    else if (isPlain && !isLoopback(new URL(`http://${host.value}`)))
      note(`hosts[${i}]`, 'is not this machine, and BASE_URL is plain http')
    // A stand-in, so that those after it keep their places.
    return host.ok ? host.value : `${i}.invalid`
  })
