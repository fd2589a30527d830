import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { brokerServer, drainServer, serve } from './broker-server.ts'
import type { Config } from './config/config.ts'
import { apiRoute } from './config/config-file.ts'
import { formatProblems, loadConfig, withDotEnv } from './config/load.ts'
import { withDeadline } from './core/deadline.ts'
import type { Log } from './core/log.ts'
import { systemRandom } from './core/random.ts'
import type { Broker } from './create-broker.ts'
import { createBroker } from './create-broker.ts'
import type { Demo } from './demo/demo.ts'
import { processLog } from './http/log.ts'
import { DemoMissing, withDemo } from './with-demo.ts'

/** BSD's EX_CONFIG: the settings are wrong, and a restart will not mend them. */
const badSettings = 78

const readSettings = (): Config => {
  const dotEnv = process.env['NODE_ENV'] !== 'production' && existsSync('.env')
  const loaded = loadConfig({
    env: dotEnv ? withDotEnv(process.env, readFileSync('.env', 'utf8')) : process.env,
    readFile: (path) => readFileSync(path, 'utf8'),
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
    random: systemRandom,
  })
  if (!loaded.ok) {
    process.stderr.write(formatProblems(loaded.problems))
    process.exit(badSettings)
  }
  for (const warning of loaded.warnings) process.stderr.write(`warning: ${warning}\n`)
  return loaded.config
}

const listen = async (server: Server, config: Config): Promise<Config> => {
  server.listen(config.port, config.host)
  const failed = once(server, 'error').then(([error]: unknown[]) => {
    throw error
  })
  await Promise.race([once(server, 'listening'), failed]).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    process.stderr.write(
      `Cannot listen on port ${config.port}: ${reason}. Set PORT to a free one.\n`,
    )
    process.exit(1)
  })
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return { ...config, port, origin: config.origin.replace(/:0$/, `:${port}`) }
}

const announce = (config: Config, demo: Demo | undefined): void => {
  const lines = [
    config.origin,
    ...(demo?.users.map(({ user, password }) => `${user} / ${password}`) ?? []),
    ...(config.redis === undefined
      ? ['Sessions are kept in this process: for development only. Set REDIS_URL to keep them.']
      : []),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

type Running = {
  readonly server: Server
  readonly broker: Broker
  readonly demo: Demo | undefined
  readonly config: Config
  readonly log: Log
}

/** The part of the drain, 1 s at most, kept back for saving tokens and closing connections. */
const lastWordsMs = (graceMs: number): number => Math.min(graceMs / 5, 1_000)

/** So that two looks of a load balancer at `/readyz` may find it draining. */
const lingerMs = 2_000

const stop = async (running: Running, signal: string): Promise<void> => {
  const { server, broker, demo, config, log } = running
  const graceMs = config.shutdownSeconds * 1_000
  log.info({ signal }, 'draining')
  broker.drain()
  // Not before others know: whoever comes back at once must not come here.
  setTimeout(broker.goAway, config.production ? lingerMs : 0).unref()
  const ending = async () => {
    await drainServer(server, {
      graceMs: graceMs - lastWordsMs(graceMs),
      lingerMs: config.production ? lingerMs : 0,
    })
    await broker.close()
    await demo?.close()
  }
  await withDeadline(ending(), graceMs, () => new Error('out of time')).catch((err: unknown) => {
    log.warn({ err }, 'stopped before everything had ended')
  })
  process.exit(0)
}

/** Whoever read our output may go away; users must not notice. */
const outliveReaders = (): void => {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}

const main = async (): Promise<void> => {
  outliveReaders()
  const server = brokerServer()
  const settings = await listen(server, readSettings())
  const log = processLog(settings.log, process.stdout)
  const { config, demo } = await withDemo(settings, apiRoute).catch((error: unknown) => {
    if (!(error instanceof DemoMissing)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(badSettings)
  })
  const broker = createBroker(config, { log })
  serve(server, broker)
  // npm passes a Ctrl-C on that the terminal has sent already, and routers send SIGTERM more than once.
  let stopping = false
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping) return
    stopping = true
    void stop({ server, broker, demo, config, log }, signal)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  announce(config, demo)
}

await main()
