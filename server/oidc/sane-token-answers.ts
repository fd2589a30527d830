import type { CustomFetch } from 'openid-client'
import { lifeSeconds } from '../core/token-set.ts'

/**
 * `fetch` that puts the token endpoint's `expires_in` right: openid-client would refuse a negative or absurd number together
 * with the tokens beside it, and a rotated refresh token would be lost.
 */
export const saneTokenAnswers =
  (fetch: CustomFetch, tokenEndpoint: string): CustomFetch =>
  async (url, options) => {
    const response = await fetch(url, options)
    if (url !== tokenEndpoint || response.status !== 200) return response
    const headers = new Headers(response.headers)
    for (const name of ['content-length', 'content-encoding']) headers.delete(name)
    return new Response(withSaneLife(await response.text()), { status: response.status, headers })
  }

const withSaneLife = (text: string): string => {
  const answer = parsed(text)
  if (typeof answer !== 'object' || answer === null || !('expires_in' in answer)) return text
  return JSON.stringify({ ...answer, expires_in: lifeSeconds(answer.expires_in) })
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
