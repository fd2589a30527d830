import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { configReload } from '../server/reload/config-reload.ts'
import { loadAside } from '../server/config/load-aside.ts'
import type { LoadOptions } from '../server/config/load.ts'
import { loadConfig } from '../server/config/load.ts'
import { silentLog } from '../server/core/log.ts'
import { systemRandom } from '../server/core/random.ts'
import { createBroker } from '../server/create-broker.ts'
import type { BrokerConfig } from '../server/config/ready-config.ts'

/**
 * `node bench/reload.ts [tenants]`: how long a broker with very many tenants takes to start, and for how long a reload that changes one
 * of them stops its event loop, when none of the tenants has been called, and when all have.
 */
const count = Number(process.argv[2] ?? 2_000)

/** As a deployer writes it; each change moves the first tenant to another realm. */
const fileText = (change: number): string => {
  const tenants = Array.from(
    { length: count },
    (_, i) => `  - id: tenant-${i}
    hosts: [tenant-${i}.localhost]
    issuer: http://127.0.0.1:9/realms/${i === 0 ? `first-${change}` : `tenant-${i}`}
    profile: keycloak
    client: { id: bff, secret: "\${SECRET}" }
    roles_claim: realm_access.roles
`,
  )
  return `tenants:\n${tenants.join('')}routes:\n  - { path: /api, upstream: "http://127.0.0.1:9" }\n`
}

const state = { text: fileText(0) }
const options: LoadOptions = {
  env: { CONFIG_FILE: 'tenants.yaml', SECRET: 'a-secret-of-a-client' },
  readFile: () => state.text,
  random: systemRandom,
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const ms = (value: number): string => `${Math.round(value)} ms`

const begun = performance.now()
const loaded = loadConfig(options)
if (!loaded.ok || loaded.config.tenants === undefined) throw new Error('the settings are refused')
const [first, ...others] = loaded.config.tenants
if (first === undefined) throw new Error('there is no tenant')
const config: BrokerConfig = { ...loaded.config, tenants: [first, ...others] }
const read = performance.now()
const broker = createBroker(config)
say(
  `${count} tenants: settings ${ms(read - begun)}, broker ${ms(performance.now() - read)}, ${heldMb()} MB`,
)

const reload = configReload(config, {
  log: silentLog,
  load: () => loadAside(options),
  apply: broker.reload,
  complain: (problems) => say(`refused: ${problems.length} problems`),
})

const server = createServer(broker.handler).listen(0, '127.0.0.1')
await sleep(100)
await measure('none called')
for (let i = 0; i < count; i += 1) await ask(`tenant-${i}.localhost`)
say(`all called: ${heldMb()} MB`)
await measure('all called')
server.close()
await broker.close()

async function measure(when: string): Promise<void> {
  for (let i = 1; i <= 3; i += 1) {
    state.text = fileText(i)
    const delay = monitorEventLoopDelay({ resolution: 2 })
    delay.enable()
    await sleep(50)
    const start = performance.now()
    await reload('bench')
    const tookMs = performance.now() - start
    await sleep(50)
    delay.disable()
    say(
      `${when}: a reload takes ${ms(tookMs)} and stops the loop for ${ms(delay.max / 1e6)} at most`,
    )
  }
}

function ask(host: string): Promise<void> {
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/session', headers: { host: `${host}:3000` } }, (res) =>
      res.resume().once('end', resolve),
    ).once('error', reject)
  })
}

function heldMb(): number {
  return Math.round(process.memoryUsage().heapUsed / 1e6)
}
