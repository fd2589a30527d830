import { globSync, readFileSync, writeFileSync } from 'node:fs'

type Requirement = {
  readonly standard: string
  readonly section: string
  readonly requirement: string
}

// Ours, and read by nothing else.
export const requirements = JSON.parse(
  readFileSync(new URL('../test/conformance/requirements.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, Requirement>>

const idShape =
  /\b(?:R\d{1,2}|V\d+\.\d+\.\d+|(?:PKJ|BBA|SBCP|ISS|FAPI|OIDC|OIDCD|RPL|BCL|FCL|HTTP|MSG|CACHE|FM|CK|REV|BT|RI|AT|INT|DPOP|COOK|HDR|LOC|FWD|STEP|TX|SM)-[0-9A-Za-z.]+(?:-[0-9a-z]+)?)\b/g

/** Ids of requirements, each with the tests that carry it, as `file`; a list of what is owed shows nothing. */
export const testsByRequirement = (): ReadonlyMap<string, readonly string[]> => {
  const found = new Map<string, Set<string>>()
  const files = globSync('test/**/*{.test,-cases}.ts', { exclude: ['test/docs/**'] })
  for (const file of files.toSorted())
    for (const [id] of readFileSync(file, 'utf8').matchAll(idShape))
      if (id in requirements) found.set(id, (found.get(id) ?? new Set()).add(file))
  return new Map([...found].map(([id, files]) => [id, [...files]]))
}

/** Test modules of the OpenID Foundation for relying parties: what comes of each here, and why. */
const modules = JSON.parse(
  readFileSync(new URL('../test/conformance/oidf-modules.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly [verdict: string, why: string]>>

const moduleRows = (): string[] =>
  Object.entries(modules).map(([name, [verdict, why]]) => `| \`${name}\` | ${verdict} | ${why} |`)

/** docs/conformance.md: requirement → section → tests, from the ids that the tests carry. */
export const conformanceDocs = (): string => {
  const tests = testsByRequirement()
  const rows = Object.entries(requirements).flatMap(([id, { standard, section, requirement }]) => {
    const files = tests.get(id)?.map((file) => `\`${file.slice('test/'.length)}\``)
    return files === undefined
      ? []
      : [`| ${id} | ${standard} ${section} | ${requirement} | ${files.join('<br>')} |`]
  })
  return `# Conformance

What the standards ask of a backend for frontends, and the tests (under \`test/\`) that show it: each carries the requirement's id in its
name, so \`node --test --test-name-pattern=R5 'test/**/*.test.ts'\` runs what shows one. A row is here only with a test.

| id | source | requirement | tests |
|---|---|---|---|
${rows.join('\n')}

## The OpenID Foundation's modules for relying parties

By the names of its conformance suite, for \`response_type=code\`; \`conformance/oidf-relying-party.test.ts\` has a test of the same name for each that
is offered, against an issuer that does what the suite's does. The suite itself has not been run. *refuses*: the login, refresh or logout
fails, and nothing of the answer is used, also where the suite would let it pass.

| module | outcome | what |
|---|---|---|
${moduleRows().join('\n')}

Written by \`node scripts/write-conformance-docs.ts\`; a test holds it true.
`
}

if (import.meta.main) writeFileSync('docs/conformance.md', conformanceDocs())
