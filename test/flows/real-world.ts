import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { secret } from '../../server/core/secret.ts'
import type { Broker } from '../../server/create-broker.ts'
import { createBroker } from '../../server/create-broker.ts'
import { startDemo } from '../../server/demo/demo.ts'
import type { ReadyConfig } from '../../server/config/ready-config.ts'
import type { ProviderFetch } from '../../server/oidc/provider-fetch.ts'
import { providerFetch } from '../../server/oidc/provider-fetch.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { formOf, jar } from '../demo/jar.ts'
import { browser } from '../support/browser.ts'
import { attach, listen, testClock, testConfig } from '../support/world.ts'

export type RealOptions = {
  /** Two brokers on this Redis, or one on a store in process. */
  readonly redisUrl?: string
  readonly accessTokenSeconds?: number
}

/** The provider's answers as they come, and how many refreshes were asked for. */
const watchedFetch = () => {
  const real = providerFetch()
  const seen = { refreshes: 0, answers: [] as string[] }
  const watched: ProviderFetch = {
    ...real,
    fetch: async (url, options) => {
      const { body } = options
      const grant = body instanceof URLSearchParams ? body.get('grant_type') : undefined
      if (grant === 'refresh_token') seen.refreshes += 1
      const answer = await real.fetch(url, options)
      seen.answers.push(await answer.clone().text())
      return answer
    },
  }
  return { seen, watched }
}

/** The real provider and API of the demo behind one broker in process, or two on one Redis; all gone after the test. */
export const startReal = async (t: TestContext, options: RealOptions = {}) => {
  const servers =
    options.redisUrl === undefined ? [createServer()] : [createServer(), createServer()]
  const ports = await Promise.all(servers.map(listen))
  const origin = `http://localhost:${ports[0] ?? 0}`
  const { accessTokenSeconds = 60, redisUrl } = options
  const demo = await startDemo({ origin, accessTokenSeconds })
  const clock = testClock()
  const { seen, watched } = watchedFetch()
  const config = realConfig(origin, demo, redisUrl)
  const backend = redisUrl === undefined ? { backend: memoryBackend({ clock }) } : {}
  const brokers: Broker[] = servers.map((server) => {
    const broker = createBroker(config, { clock, providerFetch: watched, ...backend })
    attach(server, broker)
    return broker
  })
  t.after(async () => {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
    await Promise.all(brokers.map((broker) => broker.close()))
    await demo.close()
  })
  const host = new URL(origin).host
  /** A path at the second broker, which has the same BASE_URL, as a load balancer would send it there. */
  const second = { url: (path: string) => `http://localhost:${ports[1] ?? 0}${path}`, host }
  return { origin, demo, clock, seen, second, newPerson: () => person(origin, demo.issuer) }
}

const realConfig = (
  origin: string,
  demo: Awaited<ReturnType<typeof startDemo>>,
  redisUrl: string | undefined,
): ReadyConfig => {
  const base = testConfig(origin, demo.issuer, { origin: demo.upstream })
  return {
    ...base,
    tenant: {
      ...base.tenant,
      clientId: demo.clientId,
      clientAuth: { method: 'client_secret_basic', secret: secret(demo.clientSecret) },
    },
    redis:
      redisUrl === undefined
        ? undefined
        : { nodes: secret([redisUrl]), prefix: 'latchkey:', tlsVerify: true },
  }
}

export const passwords: Readonly<Record<string, string>> = {
  alice: 'wonderland',
  bob: 'builder',
  root: 'mountain',
}

/** Somebody with a browser: `app` for this site, `idp` for the provider's. */
export const person = (origin: string, issuer: string) => {
  const app = browser(origin)
  const idp = jar()
  const issuerHost = new URL(issuer).host

  /** Starts a login; the provider shows its form, or knows the person and sends them straight back. */
  const openLogin = async (path = '/login') => {
    const { location } = (await app.visit(path)).headers
    if (location === undefined) throw new Error('/login led nowhere')
    const first = await idp.get(new URL(location))
    const next = first.location
    if (next === undefined) throw new Error(`the provider showed a page: ${first.text}`)
    const asks = next.host === issuerHost
    return { next, asks, page: asks ? await idp.get(next) : undefined }
  }

  /** Sends the form; the result is where the provider sends the browser. */
  const sendForm = async (formUrl: URL, username: string): Promise<URL> => {
    const sent = await idp.post(formUrl, { username, password: passwords[username] ?? '' })
    const { location, text } = await idp.follow(sent, issuerHost)
    if (location === undefined) throw new Error(`the login stayed at the provider: ${text}`)
    return location
  }

  const logIn = async (username: string, path = '/login') => {
    const { next, asks } = await openLogin(path)
    const callback = asks ? await sendForm(next, username) : next
    return await app.navigate(callback.href, 'cross-site')
  }

  /** Logs out as the app does, and goes through the provider's page back to the app. */
  const logOut = async () => {
    const answer = await app.call('/logout', { method: 'POST', headers: await app.csrf() })
    const ticket = await app.visit(String(answer.json()['redirect_to']), 'same-origin')
    const endSession = new URL(ticket.headers.location ?? '', origin)
    const page = await idp.get(endSession)
    const { action, fields } = formOf(page.text, endSession)
    const { location } = await idp.post(action, fields)
    if (location === undefined) throw new Error('the provider kept the person')
    return { endSession, page, landed: await app.navigate(location.href, 'cross-site') }
  }

  return { app, openLogin, sendForm, logIn, logOut }
}

export type Person = ReturnType<typeof person>
