import { providerSettings } from './env-provider.ts'
import type { Setting } from './setting.ts'

/** Every environment variable; `.env.example` and docs/configuration.md are written from it. */
export const settings = {
  NODE_ENV: {
    group: 'first',
    meaning: '`production` refuses every development default.',
    example: 'production',
    default: 'development',
  },
  BASE_URL: {
    group: 'first',
    meaning: 'The public origin; never derived from a request.',
    example: 'https://app.example',
    default: 'http://localhost:PORT in development',
  },
  OIDC_ISSUER: {
    group: 'first',
    meaning: 'The issuer, exactly as its metadata writes it.',
    example: 'https://id.example/realms/main',
    default: 'an embedded demo provider in development',
  },
  OIDC_CLIENT_ID: {
    group: 'first',
    meaning: 'This client at the issuer.',
    example: 'latchkey',
  },
  OIDC_CLIENT_SECRET: {
    group: 'first',
    meaning: 'The secret of this client.',
    example: 'the-secret-from-the-provider',
    secret: true,
  },
  REDIS_URL: {
    group: 'first',
    meaning:
      'Where sessions live: `redis://`, `rediss://`, several nodes with commas for Cluster, or `redis+sentinel://host:port,host:port/name`.',
    example: 'rediss://:password@redis.example:6379',
    default: 'in this process, development only',
    secret: true,
  },
  SESSION_SECRET: {
    group: 'first',
    meaning:
      'Secrets that sign the cookie, newest first, with commas, each of 32 characters or more.',
    example: 'a-long-random-text-of-32-characters-or-more',
    default: 'random at each start in development',
    secret: true,
  },
  SESSION_KEYS: {
    group: 'first',
    meaning: 'Keys that seal the records: `kid:base64` of 32 bytes, newest first, with commas.',
    example: 'k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
    default: 'random at each start in development',
    secret: true,
  },
  UPSTREAM: {
    group: 'first',
    meaning: 'One API for `/api/*`, as an origin.',
    example: 'http://api.internal:8080',
    default: 'an embedded demo API in development',
  },
  CONFIG_FILE: {
    group: 'first',
    meaning: 'A YAML or JSON file with routes and tenants, instead of `UPSTREAM`.',
    example: 'latchkey.yaml',
  },
  ...providerSettings,
  SESSION_IDLE_SECONDS: {
    group: 'session',
    meaning: 'A session ends this long after the last call.',
    example: '900',
    default: '1800',
  },
  SESSION_ABSOLUTE_SECONDS: {
    group: 'session',
    meaning: 'A session ends this long after the login, whatever happens; 400 days at most.',
    example: '28800',
    default: '43200',
  },
  SESSION_SAMESITE: {
    group: 'session',
    meaning: "The session cookie's SameSite: `strict` or `lax`.",
    example: 'lax',
    default: 'strict',
  },
  SESSION_CLAIMS: {
    group: 'session',
    meaning: 'Claims that `/session` shows besides sub, name and email, with commas.',
    example: 'preferred_username,locale',
    default: 'none',
  },
  REFRESH_AHEAD_SECONDS: {
    group: 'session',
    meaning: 'An access token is renewed this long before its end, in the background.',
    example: '60',
    default: '30',
  },
  REDIS_PREFIX: {
    group: 'redis',
    meaning: 'Every key starts with it.',
    example: 'app1:',
    default: 'latchkey:',
  },
  REDIS_CA: {
    group: 'redis',
    meaning: 'The certificate authority of a `rediss://` server, as PEM text.',
    example: '-----BEGIN CERTIFICATE-----…',
  },
  REDIS_TLS_VERIFY: {
    group: 'redis',
    meaning: "`false` accepts any certificate, as Heroku's self-signed ones need; warned about.",
    example: 'false',
    default: 'true',
  },
  SPA_DIR: {
    group: 'app',
    meaning: "The folder of the app's files.",
    example: 'dist',
    default: 'public',
  },
  SPA_ORIGIN: {
    group: 'app',
    meaning: "An origin that serves the app's files instead. Not in this version: refused.",
    example: 'http://localhost:5173',
  },
  CSP: {
    group: 'app',
    meaning: "The whole Content-Security-Policy of the app's files.",
    example: "default-src 'self'",
    default: 'strict: own files only',
  },
  TRUST_PROXY: {
    group: 'app',
    meaning:
      'How many proxies in front write X-Forwarded-For, or their addresses as CIDR with commas.',
    example: '1',
    default: 'none',
  },
  PORT: {
    group: 'process',
    meaning: 'Where it listens.',
    example: '8080',
    default: '3000',
  },
  HOST: {
    group: 'process',
    meaning: 'The address it listens on.',
    example: '127.0.0.1',
    default: 'all; localhost in development',
  },
  SHUTDOWN_SECONDS: {
    group: 'process',
    meaning: 'How long what is under way may take to end after SIGTERM or SIGINT.',
    example: '4',
    default: '25',
  },
  WEB_CONCURRENCY: {
    group: 'process',
    meaning: 'Processes that share the port; more than one need `REDIS_URL`.',
    example: '2',
    default: '1',
  },
  LOG_LEVEL: {
    group: 'process',
    meaning: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
    example: 'warn',
    default: 'info',
  },
  LOG_FORMAT: {
    group: 'process',
    meaning: '`json`, `logfmt` or `pretty`.',
    example: 'logfmt',
    default: 'json',
  },
  METRICS_TOKEN: {
    group: 'process',
    meaning: 'The bearer token of `/metrics`.',
    example: 'a-random-text',
    default: 'no /metrics',
    secret: true,
    later: true,
  },
  ADMIN_ROLE: {
    group: 'process',
    meaning: 'The role that opens `/admin`.',
    example: 'latchkey-admin',
    default: 'no /admin',
    later: true,
  },
  ADMIN_TENANT: {
    group: 'process',
    meaning: 'The tenant whose users may be administrators.',
    example: 'default',
    default: 'the default tenant',
    later: true,
  },
  FORWARD_AUTH_SECRET: {
    group: 'process',
    meaning: 'What a proxy shows at `/forward-auth`, 32 characters or more.',
    example: 'a-random-text-of-32-characters-or-more',
    default: 'no /forward-auth',
    secret: true,
  },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settings
