import { z } from 'zod'
import type { SettingName } from './env.ts'
import { plainPath } from './plain-path.ts'

/** Where a tenant of the file says what these variables say for the default tenant. */
export const tenantKeys = {
  OIDC_ISSUER: 'issuer',
  OIDC_DISCOVERY_URL: 'discovery_url',
  OIDC_PROFILE: 'profile',
  OIDC_CLIENT_ID: 'client.id',
  OIDC_CLIENT_SECRET: 'client.secret',
  OIDC_CLIENT_SECRET_NEXT: 'client.secret_next',
  OIDC_CLIENT_AUTH: 'client.auth',
  OIDC_CLIENT_KEYS: 'client.keys',
  OIDC_ALLOW_PUBLIC_CLIENT: 'client.allow_public',
  OIDC_SCOPE: 'scope',
  OIDC_RESOURCE: 'resource',
  OIDC_AUDIENCE: 'audience',
  OIDC_AUTH_PARAMS: 'auth_params',
  OIDC_ALLOW: 'allow',
  OIDC_ROLES_CLAIM: 'roles_claim',
  OIDC_RESPONSE_MODE: 'response_mode',
  OIDC_PAR: 'par',
  OIDC_DPOP: 'dpop',
  OIDC_FRONTCHANNEL: 'frontchannel',
  OIDC_LOGOUT_TYP: 'logout_typ',
  OIDC_LOGOUT_HINT: 'logout_hint',
  OIDC_TIMEOUT_MS: 'timeout_ms',
  OIDC_REFRESH_LEEWAY_SECONDS: 'refresh_leeway_seconds',
  SESSION_IDLE_SECONDS: 'session.idle_seconds',
  SESSION_ABSOLUTE_SECONDS: 'session.absolute_seconds',
} as const satisfies Partial<Record<SettingName, string>>

const text = z.string().min(1)
/** As the variable has it: a text. */
const scalar = z.union([text, z.number(), z.boolean()]).transform(String)
const list = (separator: string) =>
  z.union([text, z.array(text).min(1).transform((items) => items.join(separator))]) // prettier-ignore
const parameters = z.union([
  text,
  z.record(z.string(), z.string()).transform((table) => new URLSearchParams(table).toString()),
])

/** One tenant of the file; what its texts mean is for the parsers of the variables. */
export const tenantSchema = z
  .strictObject({
    id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be letters, digits, - and _, 64 at most'),
    hosts: z.array(text).min(1).optional(),
    path_prefix: plainPath
      .regex(/^[A-Za-z0-9/._~-]+$/, 'must be of letters, digits, -, ., _ and ~')
      .optional(),
    // Not blank: without an issuer there would be no tenant to speak of.
    issuer: z.string().regex(/\S/, 'is blank'),
    discovery_url: text.optional(),
    profile: text.optional(),
    client: z.strictObject({
      id: text,
      // An unset `${NAME}` leaves an empty text, and has its own message.
      secret: z.string().optional(),
      secret_next: z.string().optional(),
      auth: text.optional(),
      keys: z.string().optional(),
      allow_public: scalar.optional(),
    }),
    scope: list(' ').optional(),
    resource: text.optional(),
    audience: text.optional(),
    auth_params: parameters.optional(),
    allow: list(',').optional(),
    roles_claim: text.optional(),
    tenant_claim: text.optional(),
    tenant_claim_values: z.array(text).min(1).optional(),
    response_mode: text.optional(),
    par: text.optional(),
    dpop: text.optional(),
    frontchannel: text.optional(),
    logout_typ: text.optional(),
    logout_hint: text.optional(),
    timeout_ms: scalar.optional(),
    refresh_leeway_seconds: scalar.optional(),
    session: z
      .strictObject({ idle_seconds: scalar.optional(), absolute_seconds: scalar.optional() })
      .optional(),
  })
  .refine(({ hosts, path_prefix: prefix }) => hosts !== undefined || prefix !== undefined, {
    path: ['hosts'],
    message: 'is missing, and so is path_prefix: give one of them',
  })
  .refine(
    ({ tenant_claim: claim, tenant_claim_values: values }) =>
      claim !== undefined || values === undefined,
    { path: ['tenant_claim_values'], message: 'is there without tenant_claim' },
  )

export type TenantShape = z.output<typeof tenantSchema>
