import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { after, before, suite, test } from 'node:test'
import { send } from '../support/browser.ts'
import { nodeProgram, nodeSkip, olderNodes } from '../support/node-home.ts'
import { audience, mint, startTokenIssuer } from '../token-validation/token-issuer.ts'
import { packedProject, typeFaults } from './packed.ts'

const timeout = 60_000

const service = `
const verify = verifyAccessToken({ issuer: process.env.ISSUER, audience: process.env.AUDIENCE })
const require_ = requireAccessToken({ issuer: process.env.ISSUER, audience: process.env.AUDIENCE, scopes: ['orders:read'] })
const server = createServer((req, res) => {
  if (req.url === '/middleware') return require_(req, res, () => res.end(accessTokenOf(req).sub + ' ' + process.version))
  verify(req).then(({ sub }) => res.end(sub + ' ' + process.version), (error) => answerRefusal(res, error))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
`
const names = 'accessTokenOf, answerRefusal, requireAccessToken, verifyAccessToken'
const styles = [
  ['ESM', 'service.mjs', `import { createServer } from 'node:http'\nimport { ${names} } from 'latchkey/service'\n${service}`], // prettier-ignore
  ['CommonJS', 'service.cjs', `const { createServer } = require('node:http')\nconst { ${names} } = require('latchkey/service')\n${service}`], // prettier-ignore
] as const

const strict = {
  module: 'NodeNext',
  target: 'ES2022',
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  types: ['node'],
}

const typed = `
import { createServer } from 'node:http'
import { accessTokenOf, answerRefusal, requireAccessToken, verifyAccessToken, AccessTokenError } from 'latchkey/service'
import type { AccessToken, AccessTokenOptions } from 'latchkey/service'
const options: AccessTokenOptions = { issuer: 'https://id.example', audience: 'orders', profile: 'keycloak', roles: { write: ['w'] } }
const verify = verifyAccessToken(options)
createServer((req, res) => {
  verify(req).then((token: AccessToken) => res.end(token.sub ?? ''), (error: unknown) => {
    if (error instanceof AccessTokenError) console.log(error.code, error.reason)
    answerRefusal(res, error)
  })
})
export const sub: string | undefined = accessTokenOf({}).sub
// @ts-expect-error none is no algorithm
verifyAccessToken({ ...options, algorithms: ['none'] })
// @ts-expect-error there is no service without an audience
requireAccessToken({ issuer: 'https://id.example' })
`

const withExpress = `
import express from 'express'
import { accessTokenOf, requireAccessToken } from 'latchkey/service'
const app = express()
app.use('/orders', requireAccessToken({ issuer: 'https://id.example', audience: 'orders' }))
app.get('/orders/:id', requireAccessToken({ issuer: 'https://id.example', audience: 'orders', roles: ['r'] }), (req, res) => {
  res.json({ sub: accessTokenOf(req).sub })
})
`

suite('the package', () => {
  let project: Awaited<ReturnType<typeof packedProject>>
  before(async () => {
    project = await packedProject()
  })
  after(async () => {
    await project.end()
  })

  const start = async (t: TestContext, node: string, file: string, issuer: string) => {
    const env = { ISSUER: issuer, AUDIENCE: audience }
    const child = spawn(node, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let complaints = ''
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
    t.after(() => child.kill())
    const [line] = (await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => [complaints]),
    ])) as [Buffer | string]
    return { port: Number(line.toString()), complaints: () => complaints, line: line.toString() }
  }

  const programs = [
    ['24', process.execPath, false] as const,
    ...olderNodes.map((version) => [version, nodeProgram(version), nodeSkip(version)] as const),
  ]

  for (const [version, node, skip] of programs)
    for (const [style, file, source] of styles)
      test(
        `latchkey/service › in a service on Node ${version}, ${style} › checks tokens`,
        { timeout, skip },
        async (t) => {
          // prettier-ignore
          const { issuer } = await startTokenIssuer(t)
          const { port, complaints, line } = await start(t, node, await project.write(file, source), issuer) // prettier-ignore
          assert.ok(port > 0, line)
          for (const path of ['/', '/middleware']) {
            const call = (token: string) =>
            send(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${token}` } }) // prettier-ignore
            const good = await call(await mint(issuer))
            assert.equal(good.status, 200)
            assert.ok(good.text.startsWith(`ada v${version}`), good.text)
            const bad = await call(await mint(issuer, { claims: { aud: 'billing' } }))
            assert.equal(bad.status, 401)
            assert.match(bad.headers['www-authenticate'] ?? '', /error="invalid_token"/)
          }
          assert.equal(complaints(), '')
        },
      )

  test(
    'latchkey/service › its types, without Express › check, libraries too',
    { timeout },
    async () => {
      await project.lend('@types/node')
      await project.lend('undici-types')
      await project.write('a.mts', typed)
      const options = { ...strict, skipLibCheck: false }
      await project.write(
        'tsconfig.json',
        JSON.stringify({ compilerOptions: options, files: ['a.mts'] }),
      )
      assert.equal(await typeFaults(project.place), '')
    },
  )

  test('latchkey/service › its types, in an Express app › check', { timeout }, async () => {
    for (const name of [
      'express',
      '@types/express',
      '@types/express-serve-static-core',
      '@types/body-parser',
      '@types/connect',
      '@types/serve-static',
      '@types/qs',
      '@types/range-parser',
      '@types/send',
      '@types/http-errors',
      '@types/mime',
    ])
      // prettier-ignore
      await project.lend(name).catch(() => undefined)
    await project.write('b.mts', withExpress)
    const options = { ...strict, skipLibCheck: true, esModuleInterop: true }
    await project.write(
      'tsconfig.json',
      JSON.stringify({ compilerOptions: options, files: ['b.mts'] }),
    )
    assert.equal(await typeFaults(project.place), '')
  })
})
