import type { CustomFetch } from 'openid-client'
import { Agent, fetch } from 'undici'

export type ProviderFetch = {
  readonly fetch: CustomFetch
  readonly close: () => Promise<void>
}

/** The request never left: no connection came about, so it may be made again without harm. */
export class RequestNotSent extends TypeError {
  override readonly name = 'RequestNotSent'
}

const longestAnswerBytes = 1_048_576

/**
 * `fetch` for the authorization server: no connection is kept idle, and no answer is larger than 1 MiB.
 * Rejects with `RequestNotSent` while that is certain.
 *
 * A kept socket that the server closes while a refresh is being written leaves a rotated token in doubt; an endless
 * body would fill the memory.
 */
export const providerFetch = (): ProviderFetch => {
  const agent = new Agent({
    pipelining: 0,
    maxResponseSize: longestAnswerBytes,
    connect: { timeout: 5_000 },
  })
  return {
    fetch: async (url, options) => {
      const watched = watchSending(agent)
      try {
        const body = options.body ?? null
        // undici's Response is the global one's twin; openid-client reads either.
        // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
        return await fetch(url, { ...options, body, dispatcher: watched.dispatcher })
      } catch (cause) {
        if (watched.wasSent() || !(cause instanceof TypeError)) throw cause
        throw new RequestNotSent('not connected', { cause })
      }
    },
    close: () => agent.destroy(),
  }
}

/** undici starts a request when its connection stands, right before the first byte is written. */
const watchSending = (agent: Agent) => {
  let sent = false
  const dispatcher = agent.compose(
    (dispatch) => (options, handler) =>
      dispatch(options, {
        onRequestStart: (controller, context) => {
          sent = true
          handler.onRequestStart?.(controller, context)
        },
        onResponseStart: (...answer) => handler.onResponseStart?.(...answer),
        onResponseData: (...data) => handler.onResponseData?.(...data),
        onResponseEnd: (...end) => handler.onResponseEnd?.(...end),
        onResponseError: (...failure) => handler.onResponseError?.(...failure),
      }),
  )
  return { wasSent: () => sent, dispatcher }
}
