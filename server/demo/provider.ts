import type { RequestListener, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import { readFile } from 'node:fs/promises'
import { systemClock } from '../core/clock.ts'
import { systemRandom } from '../core/random.ts'
import { loginInteraction, sendHtml } from './login-interaction.ts'
import { listenOnLoopback } from './loopback-server.ts'
import { loadOidcLibrary } from './oidc-library.ts'
import { providerConfig } from './provider-config.ts'
import { assetPaths, continueScript, messagePage } from './provider-pages.ts'

export type DemoProviderOptions = {
  readonly redirectUri: string
  readonly postLogoutRedirectUri: string
  /** Where logout tokens go; with it the ID token carries a `sid`. */
  readonly backchannelLogoutUri?: string
  readonly clientId: string
  readonly clientSecret: string
  /** Absolute URI: the audience of the access tokens. */
  readonly apiAudience: string
  readonly accessTokenSeconds?: number
  /** 0, the default, takes a free one. */
  readonly port?: number
  readonly random?: Random
  readonly clock?: Clock
  /** Learns of bugs; a refused request is none. */
  readonly onError?: (error: unknown) => void
}

export type DemoProvider = { readonly issuer: string; readonly close: () => Promise<void> }

/** A real OpenID Provider on 127.0.0.1 with three people, one client and one API; for development only. */
export const startDemoProvider = async (options: DemoProviderOptions): Promise<DemoProvider> => {
  const { port = 0, onError = () => undefined } = options
  const server = await listenOnLoopback(port)
  try {
    server.serve(await providerListener(server.origin, options, onError))
  } catch (cause) {
    await server.close()
    throw cause
  }
  return { issuer: server.origin, close: server.close }
}

const providerListener = async (
  issuer: string,
  options: DemoProviderOptions,
  onError: (error: unknown) => void,
): Promise<RequestListener> => {
  const { accessTokenSeconds = 60, random = systemRandom, clock = systemClock } = options
  const { Provider, isSessionNotFound } = await loadOidcLibrary()
  const settings = { ...options, accessTokenSeconds, random, clock }
  const provider = new Provider(issuer, await providerConfig(settings))
  provider.on('error', onError)
  provider.on('server_error', (_ctx, error) => onError(error))

  const appOrigin = new URL(options.redirectUri).origin
  const login = loginInteraction({ provider, isSessionNotFound, appOrigin })
  const assets = await loadAssets()
  const protocol = provider.callback()
  const csp = contentSecurityPolicy(appOrigin)

  return function answer(req, res) {
    setHeaders(res, csp)
    const path = (req.url ?? '/').split('?', 1)[0] ?? '/'
    const asset = assets.get(path)
    if (asset !== undefined) return sendAsset(res, asset)
    if (path === '/') return sendHtml(res, 200, welcome(appOrigin))
    if (!path.startsWith('/interaction/')) return void protocol(req, res)
    void login(req, res).catch((error: unknown) => {
      onError(error)
      if (res.headersSent) return void res.destroy()
      sendHtml(res, 500, messagePage({ title: 'That did not work', text: 'Please try again.' }))
    })
  }
}

// form-action names the app: browsers check it along the redirects that follow a form.
const contentSecurityPolicy = (appOrigin: string): string =>
  [
    `default-src 'none'`,
    `script-src 'self'`,
    `style-src 'self'`,
    `img-src data:`,
    `form-action 'self' ${appOrigin}`,
    `base-uri 'none'`,
    `frame-ancestors 'none'`,
  ].join('; ')

const setHeaders = (res: ServerResponse, csp: string): void => {
  res.setHeader('Content-Security-Policy', csp)
  res.setHeader('X-Content-Type-Options', 'nosniff')
}

type Asset = { readonly type: string; readonly body: string }

const loadAssets = async (): Promise<ReadonlyMap<string, Asset>> => {
  const style = await readFile(new URL('./pages.css', import.meta.url), 'utf8')
  return new Map([
    [assetPaths.style, { type: 'text/css; charset=utf-8', body: style }],
    [assetPaths.script, { type: 'text/javascript; charset=utf-8', body: continueScript }],
  ])
}

const sendAsset = (res: ServerResponse, { type, body }: Asset): void => {
  res.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-cache' })
  res.end(body)
}

const welcome = (appOrigin: string): string =>
  messagePage({
    title: 'Demo provider',
    text: 'This is the OpenID Provider of the Latchkey demo. People log in here, apps send them.',
    link: { href: appOrigin, label: 'Go to the app' },
  })
