import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { z } from 'zod'
import { fileSchema } from '../../server/config/file-schema.ts'
import { problems } from '../config/loading.ts'
import { certificateAuthority } from '../support/certificates.ts'

const page = readFileSync('docs/routes.md', 'utf8')
const examplesOf = (text: string): readonly string[] =>
  [...text.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1] ?? '')
const examples = examplesOf(page)

/** A part of a route, completed with the keys that every route needs. */
const fileWith = (example: string): string => {
  if (example.startsWith('routes:')) return example
  const needed = { path: '/api/x', upstream: 'http://a.test' }
  const missing = Object.entries(needed).filter(
    ([key]) => !new RegExp(`^${key}:`, 'm').test(example),
  )
  const lines = [...missing.map(([key, value]) => `${key}: '${value}'`), ...example.split('\n')]
  return `routes:\n  -\n${lines.map((line) => `    ${line}`).join('\n')}`
}

/** For routes that are for some tenants alone. */
const acme =
  'tenants: [{ id: acme, hosts: [acme.localhost], issuer: https://id.test, client: { id: a, secret: b } }]'

test('docs/token-kinds.md › each example › is a route as it stands', () => {
  const found = examplesOf(readFileSync('docs/token-kinds.md', 'utf8'))
  assert.ok(found.length >= 2)
  for (const example of found)
    assert.deepEqual(problems({ CONFIG_FILE: 'f.yaml' }, { 'f.yaml': `routes:\n${example}` }), [])
})

test('docs/tenants.md › each example › is a file as it stands', () => {
  const found = examplesOf(readFileSync('docs/tenants.md', 'utf8'))
  assert.equal(found.length, 2)
  const env = { CONFIG_FILE: 'f.yaml', BASE_URL: 'https://app.example', ACME_SECRET: 'sesame' }
  const keys = JSON.stringify([generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })])
  for (const example of found)
    assert.deepEqual(problems(env, { 'f.yaml': example, '/run/beta-keys.json': keys }), [])
})

type JsonSchema = {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
}

test('docs/routes.md › each example › is a valid CONFIG_FILE', () => {
  assert.ok(examples.length >= 10)
  const files = { '/run/ca.pem': certificateAuthority().ca }
  for (const example of examples) {
    const text = `${acme}\n${fileWith(example)}`
    assert.deepEqual(problems({ CONFIG_FILE: 'f.yaml' }, { 'f.yaml': text, ...files }), [], text)
  }
})

test('docs/routes.md › every key of a route › stands in an example', () => {
  // zod describes an object schema by this shape.
  const schema = z.toJSONSchema(fileSchema, { io: 'input' }) as JsonSchema
  const keys = Object.keys(schema.properties?.['routes']?.items?.properties ?? {})
  assert.ok(keys.length >= 20)
  const missing = keys.filter(
    (key) => !examples.some((text) => new RegExp(`^[ -]*${key}:`, 'm').test(text)),
  )
  assert.deepEqual(missing, [])
})
