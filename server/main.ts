import cluster from 'node:cluster'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo, Server as TcpServer } from 'node:net'
import { createServer } from 'node:net'
import process from 'node:process'
import { configReload } from './reload/config-reload.ts'
import { brokerServer, drainServer, serve } from './broker-server.ts'
import type { Config } from './config/config.ts'
import { apiRoute } from './config/config-file.ts'
import { loadAside } from './config/load-aside.ts'
import type { LoadOptions } from './config/load.ts'
import { formatProblems, loadConfig, withDotEnv } from './config/load.ts'
import type { Env } from './config/reader.ts'
import { readSmallFile } from './config/small-file.ts'
import { withDeadline } from './core/deadline.ts'
import type { Log } from './core/log.ts'
import { systemRandom } from './core/random.ts'
import type { Secret } from './core/secret.ts'
import type { Broker } from './create-broker.ts'
import { createBroker } from './create-broker.ts'
import type { Demo } from './demo/demo.ts'
import type { BrokerConfig } from './config/ready-config.ts'
import { heldBack } from './reload/held-back.ts'
import { processLog } from './http/log.ts'
import { whenRewritten } from './reload/watched-file.ts'
import { DemoMissing, withDemo } from './with-demo.ts'
import { workerEnv } from './worker-env.ts'
import { keepWorkers } from './workers.ts'

/** BSD's EX_CONFIG: the settings are wrong, and a restart will not mend them. */
const badSettings = 78

const hangUps = heldBack((onSignal) => process.on('SIGHUP', onSignal))

type Settings = { readonly config: Config; readonly madeUp: Secret<Env> }

const environment = (): Env => {
  const dotEnv = process.env['NODE_ENV'] !== 'production' && existsSync('.env')
  return dotEnv ? withDotEnv(process.env, readFileSync('.env', 'utf8')) : process.env
}

const loading = (): LoadOptions => ({
  env: environment(),
  readFile: readSmallFile,
  isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
  random: systemRandom,
})

const readSettings = (): Settings => {
  const loaded = loadConfig(loading())
  if (!loaded.ok) {
    process.stderr.write(formatProblems(loaded.problems))
    process.exit(badSettings)
  }
  // A worker's are its parent's, who has said so.
  const warnings = cluster.isPrimary ? loaded.warnings : []
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
  return loaded
}

/**
 * In workers the kernel spreads the connections over sockets of one port. Handed out by the parent instead, as Node does it
 * elsewhere, a connection that is on its way to a worker that dies is never answered and never closed.
 */
const reusePort = cluster.isWorker && process.platform === 'linux'

const listen = async (server: TcpServer, config: Config): Promise<Config> => {
  server.listen({ port: config.port, host: config.host, reusePort })
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
  readonly config: BrokerConfig
  readonly log: Log
}

/** The part of the drain, 1 s at most, kept back for saving tokens and closing connections. */
const lastWordsMs = (graceMs: number): number => Math.min(graceMs / 5, 1_000)

/** So that two looks of a load balancer at `/readyz` may find it draining. */
const productionLingerMs = 2_000

/** A signal that all processes get can reach the first one last, and only it knows that the others leave as well. */
const workerLingerMs = 250

/** A port that others still answer on is not left before them: who has just connected here would be cut. */
const othersDrained = async (): Promise<void> => {
  process.send?.('drained')
  await once(process, 'message')
}

const stop = async (running: Running, signal: string): Promise<void> => {
  const { server, broker, demo, config, log } = running
  const graceMs = config.shutdownSeconds * 1_000
  const shortestMs = cluster.isWorker ? workerLingerMs : 0
  const lingerMs = config.production ? productionLingerMs : shortestMs
  log.info({ signal }, 'draining')
  broker.drain()
  // Not before others know: whoever comes back at once must not come here.
  setTimeout(broker.goAway, lingerMs).unref()
  const ending = async () => {
    await drainServer(server, {
      graceMs: graceMs - lastWordsMs(graceMs),
      lingerMs,
      ...(cluster.isWorker && { together: othersDrained }),
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

/** Once: npm passes a Ctrl-C on that the terminal has sent already, and routers send SIGTERM more than once. */
const onStopSignal = (end: (signal: NodeJS.Signals) => Promise<void>): void => {
  let stopping = false
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping) return
    stopping = true
    void end(signal)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

const demoReady = (settings: Config) =>
  withDemo(settings, apiRoute).catch((error: unknown) => {
    if (!(error instanceof DemoMissing)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(badSettings)
  })

/** The log, with its last lines. */
const logToTheEnd = (settings: Config['log'], base: Readonly<Record<string, unknown>> | null) => {
  const log = processLog(settings, process.stdout, base)
  process.once('exit', () => log.flush())
  return log
}

/** On SIGHUP, and when CONFIG_FILE changes. */
const keepUpToDate = ({
  broker,
  config,
  log,
}: Pick<Running, 'broker' | 'config' | 'log'>): void => {
  const reload = configReload(config, {
    log,
    load: () => loadAside(loading()),
    apply: broker.reload,
    complain: (problems) =>
      process.stderr.write(formatProblems(problems, 'CONFIG_FILE is not taken up')),
  })
  hangUps.by(() => void reload('SIGHUP'))
  const file = environment()['CONFIG_FILE']
  if (file !== undefined && file !== '')
    whenRewritten(file, () => void reload('a change of CONFIG_FILE'))
}

/** The whole broker in this process. */
const serveHere = async (settings: Config): Promise<void> => {
  const server = brokerServer()
  const listening = await listen(server, settings)
  const base = cluster.worker === undefined ? null : { worker: cluster.worker.id }
  const log = logToTheEnd(listening.log, base)
  const { config, demo } = await demoReady(listening)
  const broker = createBroker(config, { log })
  serve(server, broker)
  onStopSignal((signal) => stop({ server, broker, demo, config, log }, signal))
  keepUpToDate({ broker, config, log })
  if (cluster.isPrimary) announce(config, demo)
  else process.send?.('ready')
}

/** A worker ends by itself in the time it has; a little more for one that cannot. */
const workerSlackMs = 1_000

/** As many brokers as are set, each in a process of its own; here is only what starts and ends them. */
const serveInWorkers = async ({ config: settings, madeUp }: Settings): Promise<void> => {
  const probe = createServer()
  const config = await listen(probe, settings)
  await new Promise((resolve) => probe.close(resolve))
  const { demo } = await demoReady(config)
  const log = logToTheEnd(config.log, null)
  const env = workerEnv({ config, madeUp: madeUp.reveal(), demo })
  const workers = keepWorkers({
    count: config.workers,
    log,
    fork: () => cluster.fork(env),
    onServing: () => announce(config, demo),
    onFailed: (code) => process.exit(code),
  })
  onStopSignal(async (signal) => {
    await workers.stop(signal, config.shutdownSeconds * 1_000 + workerSlackMs)
    await demo?.close()
    process.exit(0)
  })
  hangUps.by(() => workers.signal('SIGHUP'))
}

const main = async (): Promise<void> => {
  outliveReaders()
  const settings = readSettings()
  if (cluster.isPrimary && settings.config.workers > 1) await serveInWorkers(settings)
  else await serveHere(settings.config)
}

await main()
