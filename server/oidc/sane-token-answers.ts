import type { CustomFetch, TokenEndpointResponse } from 'openid-client'
import { lifeSeconds } from '../core/token-set.ts'

/**
 * `fetch` that puts a token answer into a form in which openid-client loses nothing of it.
 *
 * It would refuse a negative or absurd `expires_in`, or a wrong ID token at a refresh, together with the tokens beside them:
 * a rotated refresh token would be lost, or could not be revoked. The ID token of a refresh is judged in refresh-grant.ts.
 */
export const saneTokenAnswers =
  (fetch: CustomFetch): CustomFetch =>
  async (url, options) => {
    const response = await fetch(url, options)
    const grant = grantOf(options.body)
    if (grant === undefined || response.status !== 200) return response
    const headers = new Headers(response.headers)
    for (const name of ['content-length', 'content-encoding']) headers.delete(name)
    const body = saneAnswer(await response.text(), grant === ofLogin)
    return new Response(body, { status: response.status, headers })
  }

const asideName = 'id_token_aside'

/** The ID token that a refresh brought. */
export const idTokenOfRefresh = (answer: TokenEndpointResponse): string | undefined => {
  const raw = answer[asideName] ?? answer.id_token
  if (raw === undefined) return undefined
  if (typeof raw !== 'string') throw new TypeError('ID token of a refresh: not a string')
  return raw
}

/** The one grant whose ID token is the library's to judge. */
const ofLogin = 'authorization_code'

/** A token request is told by what it asks: its address is not written as in the metadata once the library has parsed that. */
const grantOf = (body: unknown): string | undefined =>
  body instanceof URLSearchParams ? (body.get('grant_type') ?? undefined) : undefined

const saneAnswer = (text: string, isOfLogin: boolean): string => {
  const answer = parsed(text)
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return text
  const { id_token: idToken, ...rest }: { id_token?: unknown } = answer
  return JSON.stringify({
    ...rest,
    ...('expires_in' in answer && { expires_in: lifeSeconds(answer.expires_in) }),
    ...(idToken !== undefined && { [isOfLogin ? 'id_token' : asideName]: idToken }),
  })
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
