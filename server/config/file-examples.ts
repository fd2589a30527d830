import { settings } from './env.ts'
import { tenantKeys } from './tenant-schema.ts'

const ofRoutes: Readonly<Record<string, string>> = {
  path: '/api/orders',
  tenants: '[acme]',
  methods: '[GET, POST]',
  upstream: '["http://10.0.0.5:8080", "http://10.0.0.6:8080"]',
  strip_prefix: '/api',
  token: 'user',
  public: 'true, with token: none',
  audience: 'orders',
  resource: 'https://api.example',
  scope: 'openid orders',
  require: '{ roles: { any: [orders-read], write: [orders-write] }, max_age: 900 }',
  verify_token: 'true, with audience: orders',
  csrf: 'true',
  cors: '["https://partner.example"]',
  headers: '{ X-User: "{claims.sub}" }',
  pass: '{ set_cookie: false, cookies: [], cache: true }',
  timeout: '{ connect: 2s, first_byte: 25s, idle: 55s }',
  limits: '{ body: 100mb, concurrent: 200, rate: 100/s }',
  websocket: 'true',
  retry: '{ idempotent: 1 }',
  tls: '{ ca: "${file:/run/ca.pem}" }',
}

const isTenantSetting = (name: string): name is keyof typeof tenantKeys =>
  Object.hasOwn(tenantKeys, name)

const ofTenants: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(settings).flatMap(([name, { example }]) =>
      isTenantSetting(name) ? [[tenantKeys[name], example] as const] : [],
    ),
  ),
  id: 'acme',
  hosts: '[acme.app.example]',
  path_prefix: '/t/acme',
  client: '{ id: bff, secret: "${ACME_SECRET}" }',
  'client.id': 'bff',
  'client.secret': '"${ACME_SECRET}"',
  'client.keys': '"${file:/run/keys.json}"',
  tenant_claim: 'organization',
  tenant_claim_values: '[acme]',
  session: '{ idle_seconds: 900, absolute_seconds: 28800 }',
}

const route = '{ path: /api, upstream: "http://10.0.0.5:8080" }'
const tenant =
  '{ id: acme, hosts: [acme.app.example], issuer: "https://id.example", client: { id: bff, secret: "${ACME_SECRET}" } }'

/** How a place of CONFIG_FILE looks when it is right. */
export const exampleAt = (place: string): string => {
  const [, list, key = ''] = /^(routes|tenants)(?:\[\d+\])?(?:\.(.*))?$/.exec(place) ?? []
  const known = list === 'tenants' ? ofTenants : ofRoutes
  const [top = '', next = ''] = key.replace(/\[\d+\]/g, '').split('.')
  const found = [`${top}.${next}`, top].find((name) => Object.hasOwn(known, name))
  if (found !== undefined) return `${found.split('.').at(-1)}: ${known[found]}`
  return list === 'tenants' ? `tenants: [${tenant}]` : `routes: [${route}]`
}
