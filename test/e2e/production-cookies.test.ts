import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { serve } from '../../server/broker-server.ts'
import { asIssuer } from '../../server/core/ids.ts'
import { secret } from '../../server/core/secret.ts'
import { createBroker } from '../../server/create-broker.ts'
import { startDemo } from '../../server/demo/demo.ts'
import { providerFetch } from '../../server/oidc/provider-fetch.ts'
import { chromiumSkip } from '../support/chromium.ts'
import { nginxSkip, startTlsProxy } from '../support/nginx.ts'
import { listen, testConfig } from '../support/world.ts'
import { journey } from './journey.ts'

/** The provider's fetch, with every token it brings home written down. */
const listeningFetch = () => {
  const heard: string[] = []
  const inner = providerFetch()
  const fetch: typeof inner.fetch = async (url, options) => {
    const response = await inner.fetch(url, options)
    if (options.method !== 'POST') return response
    const text = await response.text()
    const answer = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
    for (const name of ['access_token', 'refresh_token', 'id_token'])
      if (typeof answer[name] === 'string') heard.push(answer[name])
    const { status, headers } = response
    return new Response(text === '' ? null : text, { status, headers: Object.fromEntries(headers) })
  }
  return { heard, providerFetch: { fetch, close: inner.close } }
}

const startBehindTls = async (t: TestContext) => {
  const server = createServer()
  const port = await listen(server)
  const { origin } = await startTlsProxy(t, port)
  const demo = await startDemo({ origin })
  const { heard, providerFetch: fetch } = listeningFetch()
  const base = testConfig(origin, demo.issuer, { origin: demo.upstream })
  const clientAuth = { method: 'client_secret_basic', secret: secret(demo.clientSecret) } as const
  const { issuer, clientId } = demo
  const tenant = { ...base.tenant, issuer: asIssuer(issuer), clientId, clientAuth }
  const broker = createBroker({ ...base, secure: true, tenant }, { providerFetch: fetch })
  serve(server, broker)
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await broker.close()
    await demo.close()
  })
  const secrets = () => [...heard, demo.clientSecret]
  return { origin, secrets }
}

test(
  'Chromium › https behind nginx with the production cookie names › no token and no secret is ever seen',
  { skip: chromiumSkip !== false ? chromiumSkip : nginxSkip },
  async (t) => {
    const { origin, secrets } = await startBehindTls(t)
    await journey(t, {
      origin,
      secrets,
      user: 'alice',
      password: 'wonderland',
      cookieName: '__Host-Http-session',
      ignoreHTTPSErrors: true,
      picture: 'demo-app-https',
    })
  },
)
