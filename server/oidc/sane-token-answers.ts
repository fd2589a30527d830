import type { CustomFetch, TokenEndpointResponse } from 'openid-client'
import { lifeSeconds } from '../core/token-set.ts'

/**
 * `fetch` that puts a token answer into a form in which openid-client loses nothing of it.
 *
 * It would refuse a negative or absurd `expires_in`, or a wrong ID token at a refresh, together with the tokens beside them:
 * a rotated refresh token would be lost, or could not be revoked. The ID token of a refresh is judged in refresh-grant.ts.
 */
export const saneTokenAnswers =
  (fetch: CustomFetch, tokenEndpoint: string): CustomFetch =>
  async (url, options) => {
    const response = await fetch(url, options)
    if (url !== tokenEndpoint || response.status !== 200) return response
    const headers = new Headers(response.headers)
    for (const name of ['content-length', 'content-encoding']) headers.delete(name)
    const body = saneAnswer(await response.text(), isOfLogin(options.body))
    return new Response(body, { status: response.status, headers })
  }

const asideName = 'id_token_aside'

/** The ID token that a refresh brought. */
export const idTokenOfRefresh = (answer: TokenEndpointResponse): string | undefined => {
  const raw = answer[asideName]
  if (raw === undefined) return undefined
  if (typeof raw !== 'string') throw new TypeError('ID token of a refresh: not a string')
  return raw
}

/** The one grant whose ID token is the library's to judge. */
const isOfLogin = (body: unknown): boolean =>
  body instanceof URLSearchParams && body.get('grant_type') === 'authorization_code'

const saneAnswer = (text: string, ofLogin: boolean): string => {
  const answer = parsed(text)
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return text
  const { id_token: idToken, ...rest }: { id_token?: unknown } = answer
  return JSON.stringify({
    ...rest,
    ...('expires_in' in answer && { expires_in: lifeSeconds(answer.expires_in) }),
    ...(idToken !== undefined && { [ofLogin ? 'id_token' : asideName]: idToken }),
  })
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
