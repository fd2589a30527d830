import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

/** The numbers of the rows, each with the test files that its last cell names. */
const rows = (): readonly (readonly [id: string, files: readonly string[]])[] =>
  readFileSync('docs/adr/colliding-standards.md', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, id = '', ...cells] = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
      const named = [...(cells.at(-2) ?? '').matchAll(/`([^`]+)`/g)]
      return /^C\d+$/.test(id) ? [[id, named.map(([, file = '']) => file)] as const] : []
    })

test('docs/adr/colliding-standards.md › its rows › C1 to C14, each once', () => {
  const ids = rows().map(([id]) => id)
  const all = Array.from({ length: 14 }, (_, i) => `C${i + 1}`)
  assert.deepEqual(ids, all)
})

test('docs/adr/colliding-standards.md › each test file in a row › has a test that carries the number', () => {
  for (const [id, files] of rows()) {
    assert.notEqual(files.length, 0, id)
    for (const file of files) {
      const quoted = readFileSync(`test/${file}`, 'utf8').match(/^.*['"\`].*$/gm) ?? []
      const carries = new RegExp(`\\b${id}\\b`)
      assert.ok(
        quoted.some((line) => carries.test(line)),
        `${id} in ${file}`,
      )
    }
  }
})
