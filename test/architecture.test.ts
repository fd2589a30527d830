import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const foundations = ['core', 'config', 'http', 'oidc', 'session']
const joints = [
  'app',
  'wire',
  'wire-gateway',
  'wire-login',
  'wire-tenants',
  'entrance-configs',
  'house',
  'wire-tokens',
  'foundations',
  'front-door',
  'create-broker',
  'broker-server',
  'with-demo',
  'workers',
  'worker-env',
  'main',
]

/** What each foundation may import besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  config: ['core'],
  http: ['core', 'config'],
  oidc: ['core', 'config'],
  session: ['core', 'config'],
}

/** Packages with one home each; a second home would be a second opinion. */
const homes: Readonly<Record<string, readonly string[]>> = {
  zod: ['config'],
  yaml: ['config'],
  'openid-client': ['oidc'],
  jose: ['oidc', 'demo', 'token-validation'],
  ioredis: ['session'],
  'connect-redis': ['session'],
  'express-session': ['session'],
  'cookie-signature': ['session'],
  undici: ['proxy', 'oidc'],
  pino: ['http'],
  helmet: ['http'],
  lusca: ['http'],
  'oidc-provider': ['demo'],
}

type Import = { readonly file: string; readonly from: string; readonly type: boolean }

const imports: readonly Import[] = globSync('server/**/*.ts').flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(/^(import|export)( type)? [^'"]*?from '([^']+)'/gms)].map(
    (match) => ({ file, from: match[3] ?? '', type: match[2] !== undefined }),
  ),
)

const roomOf = (path: string): string => {
  const parts = path.replace(/^server\//, '').split('/')
  return parts.length === 1 ? (parts[0] ?? '').replace(/\.ts$/, '') : (parts[0] ?? '')
}

const targetRoom = ({ file, from }: Import): string | undefined => {
  if (!from.startsWith('.')) return undefined
  const base = new URL(from, new URL(file, 'file:///')).pathname.slice(1)
  return roomOf(base)
}

test('architecture › the list of imports › is not empty', () => {
  assert.ok(imports.length > 100)
})

test('architecture › a foundation › imports only what stands below it', () => {
  const wrong = imports.filter((one) => {
    const room = roomOf(one.file)
    const target = targetRoom(one)
    if (!foundations.includes(room) || target === undefined || target === room) return false
    // From config only its types are known below the joints.
    if (target === 'config' && !one.type) return true
    return !mayImport[room]?.includes(target)
  })
  assert.deepEqual(wrong, [])
})

test('architecture › a room › imports foundations and itself, never another room', () => {
  const wrong = imports.filter((one) => {
    const room = roomOf(one.file)
    const target = targetRoom(one)
    if (foundations.includes(room) || joints.includes(room) || target === undefined) return false
    return target !== room && !foundations.includes(target)
  })
  assert.deepEqual(wrong, [])
})

test('architecture › the joints › only they know several rooms, and nothing imports them back', () => {
  const wrong = imports.filter((one) => {
    const target = targetRoom(one)
    return target !== undefined && joints.includes(target) && !joints.includes(roomOf(one.file))
  })
  assert.deepEqual(wrong, [])
})

test('architecture › a package with a home › is imported there alone', () => {
  const wrong = imports.filter((one) => {
    const home = homes[one.from]
    return home !== undefined && !home.includes(roomOf(one.file))
  })
  assert.deepEqual(wrong, [])
})

/** Power that is handed in, with the one file that may have it. */
const ambient: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\bDate\.now\(|\bnew Date\(\)/, ['server/core/clock.ts']],
  [/\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/, ['server/core/random.ts']],
  [/\bprocess\.(?:env|exit|on|argv)\b/, ['server/main.ts']],
]

for (const [pattern, allowed] of ambient)
  test(`architecture › ${pattern.source} › stands in ${allowed.join(', ')} alone`, () => {
    const wrong = globSync('server/**/*.ts').filter(
      (file) => !allowed.includes(file) && pattern.test(readFileSync(file, 'utf8')),
    )
    assert.deepEqual(wrong, [])
  })

test('architecture › package.json › names exact versions only', () => {
  // The file is ours.
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Record<string, string>
    devDependencies: Record<string, string>
  }
  const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  )
  assert.deepEqual(loose, [])
})

test('architecture › docs/dependencies.md › says in one line why each direct dependency is there', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Record<string, string>
    devDependencies: Record<string, string>
  }
  const text = readFileSync('docs/dependencies.md', 'utf8')
  const missing = Object.keys({ ...dependencies, ...devDependencies }).filter(
    (name) => !new RegExp(`\\| \`${name}\` +\\|`).test(text),
  )
  assert.deepEqual(missing, [])
})
