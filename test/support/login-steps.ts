import assert from 'node:assert/strict'
import type { Answer, Browser } from './browser.ts'
import { send } from './browser.ts'

/** The authorization request that `/login` sends this browser to. */
export const authorizationRequest = async (user: Browser, address = '/login'): Promise<URL> => {
  const answer = await user.visit(address)
  assert.equal(answer.status, 303, answer.text)
  return new URL(answer.headers.location ?? '')
}

/** A login up to its callback, which nobody has opened yet. */
export const pendingCallback = async (user: Browser, address = '/login'): Promise<URL> => {
  const request = await authorizationRequest(user, address)
  const answer = await send(request.href)
  assert.equal(answer.status, 303, answer.text)
  return new URL(answer.headers.location ?? '')
}

/** Opens a callback as the provider's redirect does: a cross-site navigation. */
export const openCallback = (user: Browser, callback: URL): Promise<Answer> =>
  user.visit(callback.href, 'cross-site')

/** The value of a cookie that the answer sets, or undefined. */
export const setCookieOf = (answer: Answer, name: string): string | undefined =>
  (answer.headers['set-cookie'] ?? [])
    .find((line) => line.startsWith(`${name}=`))
    ?.slice(name.length + 1)
    .split(';', 1)[0]

/** The error code an answer carries, as problem+json or as a page. */
export const codeOf = (answer: Answer): unknown =>
  (answer.headers['content-type'] ?? '').includes('json')
    ? answer.json()['code']
    : /<dt>Code<\/dt><dd>(\w+)<\/dd>/.exec(answer.text)?.[1]

/** A page that refuses a login: its code, no session cookie, and a link that starts again. */
export const assertRefusedLogin = (answer: Answer, status: number, code: string): void => {
  assert.equal(answer.status, status, answer.text)
  assert.equal(codeOf(answer), code)
  assert.match(answer.headers['content-type'] ?? '', /^text\/html/)
  assert.match(answer.text, /<a class="button" href="\/login\?return_to=[^"]+">/)
  assert.equal(answer.headers['cache-control'], 'no-store')
  for (const line of answer.headers['set-cookie'] ?? []) assert.doesNotMatch(line, /session=[^;]/)
}
