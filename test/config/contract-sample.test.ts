import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certificateAuthority } from '../support/certificates.ts'
import { loaded, wrongNames, problems } from './loading.ts'

/** Section 3 of the contract, as it stands there. */
const sample = `
tenants:
  - id: acme
    hosts: [acme.app.example]          # or: path_prefix: /t/acme
    issuer: https://id.example/realms/acme
    profile: keycloak
    client: { id: bff, secret: "\${ACME_SECRET}" }   # or: auth: private_key_jwt, keys: "\${file:/run/keys.json}"
    scope: openid profile email
    roles_claim: realm_access.roles
    tenant_claim: organization         # optional; must hold the tenant's id, or nothing is forwarded
routes:
  - path: /api/orders                  # longest prefix by whole segments wins
    tenants: [acme]                    # default: all
    methods: [GET, POST]               # default: all
    upstream: ["http://10.0.0.5:8080", "http://10.0.0.6:8080"]
    strip_prefix: /api                 # default: nothing stripped
    token: user                        # user (default) | optional | service | exchange | none (no token; a session all the same)
    public: false                      # true: no session needed; only with token none or optional
    audience: orders                   # and resource, scope: one token per (session, audience, scope)
    require:
      roles: { any: [orders-read], write: [orders-write] }   # write: unsafe methods
      scopes: [orders]
      acr: [urn:example:mfa]
      max_age: 900
    verify_token: true                 # default false: check the JWT here as well as in the service
    csrf: true                         # default
    cors: []                           # default: no other origin
    headers: { X-User: "{claims.sub}" }   # from claims, set after all others
    pass: { set_cookie: false, cookies: [], cache: false, html: false, www_authenticate: false }
    timeout: { connect: 2s, first_byte: 25s, idle: 55s }     # defaults
    limits: { body: 100mb, concurrent: 200, rate: 100/s }    # defaults: body 100mb, others none; rate per session
    websocket: false                   # default
    retry: { idempotent: 1 }           # default
    tls: { ca: "\${file:/run/ca.pem}" }
`

const env = {
  CONFIG_FILE: 'latchkey.yaml',
  ACME_SECRET: 'sesame',
  BASE_URL: 'https://app.example',
}
const ca = certificateAuthority().ca.trim()
const files = (text: string) => ({ 'latchkey.yaml': text, '/run/ca.pem': ca })

test("CONFIG_FILE › the contract's sample without ACME_SECRET › is refused for that too", () => {
  const found = problems({ ...env, ACME_SECRET: '' }, files(sample))
  assert.equal(
    found[0],
    'CONFIG_FILE tenants[0].client.secret uses ${ACME_SECRET}, which is not set',
  )
  assert.deepEqual(wrongNames({ ...env, ACME_SECRET: '' }, files(sample)), ['CONFIG_FILE'])
})

test("CONFIG_FILE › the contract's sample › is one tenant and one route as written", () => {
  const { routes, tenant, tenants } = loaded(env, files(sample))
  assert.equal(tenant, undefined)
  assert.deepEqual(
    tenants?.map(({ id, hosts, issuer, tenantClaim }) => ({ id, hosts, issuer, tenantClaim })),
    [
      {
        id: 'acme',
        hosts: ['acme.app.example'],
        issuer: 'https://id.example/realms/acme',
        tenantClaim: { path: 'organization', values: ['acme'] },
      },
    ],
  )
  assert.deepEqual(routes, [
    {
      path: '/api/orders',
      tenants: ['acme'],
      methods: ['GET', 'POST'],
      upstreams: ['http://10.0.0.5:8080', 'http://10.0.0.6:8080'],
      stripPrefix: '/api',
      token: 'user',
      public: false,
      audience: 'orders',
      resource: undefined,
      scope: undefined,
      require: {
        roles: { any: ['orders-read'], write: ['orders-write'] },
        scopes: ['orders'],
        acr: ['urn:example:mfa'],
        maxAgeSeconds: 900,
      },
      verifyToken: true,
      csrf: true,
      cors: [],
      pass: { setCookie: false, cookies: [], cache: false, html: false, wwwAuthenticate: false },
      timeoutMs: { connect: 2_000, firstByte: 25_000, idle: 55_000 },
      retryIdempotent: 1,
      bodyLimitBytes: 100 * 1_048_576,
      limits: { concurrent: 200, rate: { calls: 100, seconds: 1 } },
      headers: [{ name: 'x-user', parts: [{ claim: 'sub' }] }],
      tls: { ca },
      websocket: false,
    },
  ])
})
