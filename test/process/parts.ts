import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:http'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { send } from '../support/browser.ts'
import { freePort, startRedis } from '../support/redis-server.ts'
import type { ScriptedIssuer } from '../support/scripted-issuer.ts'
import { scriptedClient, startScriptedIssuer } from '../support/scripted-issuer.ts'
import { startUpstream } from '../support/upstream.ts'

/** An issuer, an API, a Redis unless told otherwise, and the settings that join a broker process to them. */
export const startParts = async (t: TestContext, store: 'redis' | 'process' = 'redis') => {
  const issuer = await startScriptedIssuer()
  const upstream = await startUpstream()
  t.after(() => {
    issuer.close()
    upstream.close()
  })
  const env = {
    PORT: String(await freePort()),
    LOG_LEVEL: 'silent',
    OIDC_ISSUER: issuer.issuer,
    OIDC_CLIENT_ID: scriptedClient.id,
    OIDC_CLIENT_SECRET: scriptedClient.secret,
    REDIS_URL: store === 'redis' ? (await startRedis(t)).url : '',
    SESSION_SECRET: 'a-signing-secret-that-outlives-a-restart',
    SESSION_KEYS: `k1:${Buffer.alloc(32, 3).toString('base64')}`,
    UPSTREAM: upstream.origin,
  }
  return { issuer, upstream, env }
}

const patienceMs = 20_000

/** Resolves when the condition holds; rejects when it does not come true. */
export const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  const endMs = performance.now() + patienceMs
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error('it never came true')
    await sleep(10)
  }
}

/** Something that others wait for until it is opened. */
export const gate = () => {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open: () => open(), opened }
}

/** The next refreshes wait at the issuer until they are let go. */
export const holdRefreshes = ({ script }: ScriptedIssuer): { readonly release: () => void } => {
  const { open, opened } = gate()
  script.interceptToken = ({ grantType }) =>
    grantType === 'refresh_token' ? opened.then(() => false) : false
  return { release: open }
}

/** A TCP connection to the origin, gone with the test. */
export const connectTo = async (t: TestContext, origin: string): Promise<Socket> => {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  t.after(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Whether the origin takes no new connection. */
export const isRefused = (origin: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(origin)
    const socket = connect(Number(port), hostname)
    const settle = (refused: boolean) => {
      socket.destroy()
      resolve(refused)
    }
    socket.once('connect', () => settle(false))
    socket.once('error', () => settle(true))
  })

/** Whether a new connection is answered, with word from `/readyz` to send nobody more, and closed. */
export const isDraining = async (origin: string): Promise<boolean> => {
  const { status, headers, text } = await send(`${origin}/readyz`)
  if (status !== 503) return false
  assert.equal(headers.connection, 'close')
  assert.match(text, /"process":\{"status":"draining"\}/)
  return true
}

/** A GET as the app sends it, over a connection that it would like to keep. */
export const openGet = (t: TestContext, url: string, cookie: string) => {
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const headers = { cookie, 'sec-fetch-site': 'same-origin', accept: 'application/json' }
  return request(url, { agent, headers }).end()
}

/** The start of the answer to such a GET. */
export const startGet = async (t: TestContext, url: string, cookie: string) => {
  const [answer] = (await once(openGet(t, url, cookie), 'response')) as [IncomingMessage]
  return answer
}

export type KeptAnswer = { readonly status: number; readonly connection: string | undefined }

/** The whole answer to such a GET. */
export const keptGet = async (t: TestContext, url: string, cookie: string): Promise<KeptAnswer> => {
  const answer = await startGet(t, url, cookie)
  answer.resume()
  await once(answer, 'end')
  return { status: answer.statusCode ?? 0, connection: answer.headers.connection }
}

const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
// What package.json holds was written by npm.
const { devDependencies } = JSON.parse(manifest) as { devDependencies: Record<string, string> }

const refuseDevelopment = `
import { registerHooks } from 'node:module'
const left = new Set(${JSON.stringify(Object.keys(devDependencies))})
registerHooks({
  resolve: (specifier, context, next) => {
    if (!left.has(specifier)) return next(specifier, context)
    throw Object.assign(new Error('not installed: ' + specifier), { code: 'ERR_MODULE_NOT_FOUND' })
  },
})`

/** Arguments that make Node find no development dependency, as after `npm ci --omit=dev`. */
export const withoutDevelopment: readonly string[] = [
  '--import',
  `data:text/javascript,${encodeURIComponent(refuseDevelopment)}`,
]
