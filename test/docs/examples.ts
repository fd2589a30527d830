import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { certificateAuthority } from '../support/certificates.ts'

export type Example = { readonly page: string; readonly language: string; readonly text: string }

const pages = ['README.md', ...globSync('docs/**/*.md')].sort()

/** Every fenced block of the documentation. */
export const examples: readonly Example[] = pages.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(
    ([, language = '', text = '']) => ({ page, language, text }),
  ),
)

const guid = '72f988bf-86f1-41af-91ab-2d7cd011db47'

/** Lines of `NAME=value`, with something where the page says what belongs there; undefined for another block. */
export const settingsIn = ({ language, text }: Example) => {
  const lines = text.trimEnd().split('\n')
  if (language !== '' || !lines.every((line) => /^[A-Z_]+=(?!.*=… )/.test(line))) return undefined
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', ...value] = line.replace(/<[^>]+>/g, guid).split('=')
      return [name, value.join('=').replaceAll('…', 'sesame')] as const
    }),
  )
}

/** A whole file, a list of routes, or the part of a route that matters, completed to a file; undefined for another program's. */
export const fileOf = ({ text }: Example): string | undefined => {
  if (text.startsWith('http:')) return undefined
  if (/^(tenants|routes):$/m.test(text)) return text
  if (text.startsWith('- ')) return `routes:\n${text}`
  const needed = { path: '/api/x', upstream: 'http://a.test' }
  const missing = Object.entries(needed).filter(([key]) => !new RegExp(`^${key}:`, 'm').test(text))
  const lines = [...missing.map(([key, value]) => `${key}: '${value}'`), ...text.split('\n')]
  return `${acme}\nroutes:\n  -\n${lines.map((line) => `    ${line}`).join('\n')}`
}

/** For routes that are for some tenants alone. */
const acme =
  'tenants: [{ id: acme, hosts: [acme.app.example], issuer: https://id.test, client: { id: a, secret: b } }]'

const clientKeys = () => {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const certificate = { 'x5t#S256': randomBytes(32).toString('base64url') }
  return JSON.stringify([{ ...key.export({ format: 'jwk' }), kid: 'c1', ...certificate }])
}

/** What the examples name, in the environment and on the disk. */
export const around = {
  env: {
    ACME_SECRET: 'sesame',
    GLOBEX_SECRET: 'sesame',
    EVENTS_ORIGIN: 'http://events.test',
  },
  files: () => {
    const keys = clientKeys()
    return {
      '/run/ca.pem': certificateAuthority().ca,
      '/run/beta-keys.json': keys,
      '/run/secrets/entra-keys.json': keys,
    }
  },
}
