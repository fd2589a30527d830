import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { fileSchema } from '../../server/config/file-schema.ts'
import { examples } from './examples.ts'

type JsonSchema = {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
}

test('docs/routes.md › every key of a route › stands in an example', () => {
  // zod describes an object schema by this shape.
  const schema = z.toJSONSchema(fileSchema, { io: 'input' }) as JsonSchema
  const keys = Object.keys(schema.properties?.['routes']?.items?.properties ?? {})
  assert.ok(keys.length >= 20)
  const shown = examples.filter(({ page, language }) => page === 'docs/routes.md' && language === 'yaml') // prettier-ignore
  const missing = keys.filter(
    (key) => !shown.some(({ text }) => new RegExp(`^[ -]*${key}:`, 'm').test(text)),
  )
  assert.deepEqual(missing, [])
})
