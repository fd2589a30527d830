import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { format } from 'prettier'
import { errorDocs } from '../../scripts/write-error-docs.ts'
import { failures } from '../../server/core/failures.ts'

test('docs/errors.md › the table of codes › is what the broker answers with', async () => {
  const written = await format(errorDocs(), { parser: 'markdown', printWidth: 100 })
  assert.equal(readFileSync('docs/errors.md', 'utf8'), written)
})

test('failures › each code › is thrown somewhere', () => {
  const source = globSync('server/**/*.ts')
    .filter((file) => !file.endsWith('core/failures.ts') && !file.includes('/demo/'))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
  const unused = Object.keys(failures).filter((code) => !source.includes(`'${code}'`))
  assert.deepEqual(unused, [])
})
