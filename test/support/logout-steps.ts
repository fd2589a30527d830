import type { Answer, Browser } from './browser.ts'
import { send } from './browser.ts'
import { codeOf } from './login-steps.ts'

type Fields = Readonly<Record<string, string>>

/** A form on our own page, sent to `/logout`. */
export const postForm = (user: Browser, origin: string, fields: Fields): Promise<Answer> =>
  user.visit('/logout', 'same-origin', {
    method: 'POST',
    headers: { origin, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  })

/** The field that such a form carries. */
export const csrfField = async (user: Browser): Promise<{ csrf_token: string }> => ({
  csrf_token: String((await user.session())['csrf_token']),
})

/** What a cookie is still worth: `/session` says authenticated or not, the API its status and code. */
export const worthOf = async (origin: string, cookie: string) => {
  const headers = { cookie, 'sec-fetch-site': 'same-origin' }
  const session = await send(`${origin}/session`, { headers })
  const api = await send(`${origin}/api/x`, { headers })
  const code = api.status === 200 ? '' : ` ${String(codeOf(api))}`
  return { authenticated: session.json()['authenticated'], api: `${api.status}${code}` }
}

/** An ended session's cookie, everywhere. */
export const worthless = { authenticated: false, api: '401 session_revoked' }
