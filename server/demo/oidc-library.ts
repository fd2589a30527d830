import type { IncomingMessage, ServerResponse } from 'node:http'

export type Grant = {
  readonly addOIDCScope: (scope: string) => void
  readonly addResourceScope: (resource: string, scope: string) => void
  readonly save: () => Promise<string>
}

/** The parts of a request that our configuration looks at. */
export type OidcContext = {
  type: string
  body: string
  readonly oidc: {
    readonly provider: OidcProvider
    readonly account?: { readonly accountId: string }
    readonly client?: { readonly clientId: string }
    readonly requestParamScopes: ReadonlySet<string>
    readonly entities: { readonly IdTokenHint?: unknown }
  }
}

export type Interaction = {
  readonly uid: string
  readonly prompt: { readonly name: string }
  readonly params: Readonly<Record<string, unknown>>
}

/** The parts of oidc-provider's `Provider` that the demo uses. */
export type OidcProvider = {
  readonly Grant: new (properties: { accountId: string; clientId: string }) => Grant
  readonly callback: () => (req: IncomingMessage, res: ServerResponse) => Promise<void>
  readonly interactionDetails: (req: IncomingMessage, res: ServerResponse) => Promise<Interaction>
  readonly interactionFinished: (
    req: IncomingMessage,
    res: ServerResponse,
    result: Readonly<Record<string, unknown>>,
  ) => Promise<void>
  readonly on: (event: 'error' | 'server_error', listener: (...args: unknown[]) => void) => unknown
}

type ProviderClass = new (
  issuer: string,
  configuration: Readonly<Record<string, unknown>>,
) => OidcProvider

export type OidcLibrary = {
  readonly Provider: ProviderClass
  /** Whether an error means that the login's cookie or record is gone. */
  readonly isSessionNotFound: (error: unknown) => boolean
}

/** The devDependency oidc-provider; it ships no types, so they are stated here, once. */
export const loadOidcLibrary = async (): Promise<OidcLibrary> => {
  const specifier: string = 'oidc-provider'
  const loaded: unknown = await import(specifier)
  if (!hasParts(loaded)) throw new Error('oidc-provider has not the exports of version 9')
  const { Provider, errors } = loaded
  return { Provider, isSessionNotFound: (error) => error instanceof errors.SessionNotFound }
}

type Parts = {
  readonly Provider: ProviderClass
  readonly errors: { readonly SessionNotFound: new () => Error }
}

const hasParts = (loaded: unknown): loaded is Parts =>
  typeof property(loaded, 'Provider') === 'function' &&
  typeof property(property(loaded, 'errors'), 'SessionNotFound') === 'function'

const property = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
