import type { RequestHandler } from 'express'
import helmet from 'helmet'

/** Two years, with subdomains (ASVS 5.0 V3.4.1). */
const hstsSeconds = 63_072_000

export type AppHeadersOptions = {
  readonly secure: boolean
  /** The operator's whole policy; undefined for ours. */
  readonly csp: string | undefined
  /** Where a form may lead: Chrome applies form-action to the redirect from POST /logout to the provider. */
  readonly providerOrigins: () => readonly string[]
}

/** The app's pages: helmet's headers with a policy that allows nothing inline and nothing from elsewhere. */
export const appHeaders = (options: AppHeadersOptions): RequestHandler[] => {
  const base = helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity: hsts(options.secure),
    // `no-referrer` would turn the Origin of a form POST into `null`.
    referrerPolicy: { policy: 'strict-origin-when-cross-origin' },
    xFrameOptions: { action: 'deny' },
  })
  const { csp } = options
  const policy: RequestHandler =
    csp === undefined ? ownPolicy(options) : (_req, res, next) => next(void setPolicy(res, csp))
  return [base, policy]
}

const setPolicy = (res: Parameters<RequestHandler>[1], csp: string) =>
  res.setHeader('Content-Security-Policy', csp)

const ownPolicy = ({ providerOrigins, secure }: AppHeadersOptions): RequestHandler =>
  helmet.contentSecurityPolicy({
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
      formAction: ["'self'", () => providerOrigins().join(' ')],
      ...(secure && { upgradeInsecureRequests: [] }),
    },
  })

const hsts = (secure: boolean) =>
  secure ? { maxAge: hstsSeconds, includeSubDomains: true } : false

/** Headers of every answer of the broker itself: nothing may frame it, run in it, sniff it or store it. */
export const ownAnswerHeaders = (secure: boolean): Readonly<Record<string, string>> => ({
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  ...(secure && {
    'Strict-Transport-Security': `max-age=${hstsSeconds}; includeSubDomains`,
  }),
})
