import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Config } from '../../server/config/config.ts'
import { createBroker } from '../../server/create-broker.ts'
import type { BrokerConfig } from '../../server/config/ready-config.ts'
import { loaded, provider, without } from '../config/loading.ts'
import { send } from '../support/browser.ts'
import { around, examples, fileOf, settingsIn } from './examples.ts'

const files = around.files()
const base = { ...provider, ...around.env, BASE_URL: 'https://app.example' }

/** The address and the first words of each, to tell them apart. */
const nameOf = ({ page, text }: { readonly page: string; readonly text: string }) =>
  `${page} › ${text.slice(0, 40).replaceAll(/\s+/g, ' ').trim()}`

/** With somebody to log in at, as a broker wants it. */
const ready = ({ tenant, tenants = [], ...rest }: Config): BrokerConfig => {
  const [first, ...others] = tenants
  if (first !== undefined) return { ...rest, tenant, tenants: [first, ...others] }
  if (tenant === undefined) throw new Error('the settings have no provider')
  return { ...rest, tenant }
}

/** The answers of `/session` at BASE_URL and at each tenant's place. */
const sessionsAt = async (t: TestContext, config: BrokerConfig): Promise<readonly number[]> => {
  const broker = createBroker(config)
  const server = createServer(broker.handler).listen(0, '127.0.0.1')
  t.after(async () => {
    server.close()
    await broker.close()
  })
  await once(server, 'listening')
  // A TCP server's address has a port.
  const { port } = server.address() as { port: number }
  const places = (config.tenants ?? []).flatMap(({ hosts = [], pathPrefix }) => [
    ...hosts.map((host) => [host, ''] as const),
    ...(pathPrefix === undefined ? [] : [['app.example', pathPrefix] as const]),
  ])
  const statuses: number[] = []
  for (const [host, prefix] of [['app.example', ''] as const, ...places]) {
    const headers = { host, 'sec-fetch-site': 'same-origin' }
    statuses.push((await send(`http://127.0.0.1:${port}${prefix}/session`, { headers })).status)
  }
  return statuses
}

const assertStarts = async (t: TestContext, config: Config): Promise<void> => {
  const statuses = await sessionsAt(t, ready(config))
  assert.deepEqual(statuses, statuses.map(() => 200)) // prettier-ignore
}

const configFiles = examples
  .filter(({ language }) => language === 'yaml')
  .flatMap((example) => {
    const text = fileOf(example)
    return text === undefined ? [] : [{ name: nameOf(example), text }]
  })

test('the documentation › its examples › are found', () => {
  assert.ok(configFiles.length >= 20)
  assert.ok(examples.filter((example) => settingsIn(example) !== undefined).length >= 4)
})

for (const { name, text } of configFiles)
  test(`${name} › as CONFIG_FILE › starts, and has a login at each place`, async (t) => {
    await assertStarts(t, loaded({ ...base, CONFIG_FILE: 'f.yaml' }, { ...files, 'f.yaml': text }))
  })

for (const example of examples) {
  const settings = settingsIn(example)
  if (settings === undefined) continue
  test(`${nameOf(example)} › as environment › starts, after what the page set before`, async (t) => {
    const earlier = examples
      .slice(0, examples.indexOf(example))
      .filter(({ page }) => page === example.page)
      .map((one) => settingsIn(one) ?? {})
    const env = [...earlier, settings].reduce((all, one) => ({ ...all, ...one }), {
      ...base,
      UPSTREAM: 'http://a.test',
    })
    const isWithKeys = settings['OIDC_CLIENT_AUTH'] === 'private_key_jwt'
    await assertStarts(t, loaded(isWithKeys ? without(env, 'OIDC_CLIENT_SECRET') : env, files))
  })
}
