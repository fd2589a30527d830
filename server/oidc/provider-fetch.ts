import type { CustomFetch } from 'openid-client'
import { Agent, fetch } from 'undici'

export type ProviderFetch = {
  readonly fetch: CustomFetch
  readonly close: () => Promise<void>
}

const longestAnswerBytes = 1_048_576

/**
 * `fetch` for the authorization server: no connection is kept idle, and no answer is larger than 1 MiB.
 *
 * A kept socket that the server closes while a refresh is being written leaves a rotated token in doubt; an endless
 * body would fill the memory.
 */
export const providerFetch = (): ProviderFetch => {
  const dispatcher = new Agent({
    pipelining: 0,
    maxResponseSize: longestAnswerBytes,
    connect: { timeout: 5_000 },
  })
  return {
    // undici's Response is the global one's twin; openid-client reads either.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
    fetch: (url, options) => fetch(url, { ...options, body: options.body ?? null, dispatcher }),
    close: () => dispatcher.destroy(),
  }
}
