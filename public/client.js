const patienceMs = 20_000

/**
 * @typedef {object} Problem What went wrong, as RFC 9457 says it.
 * @property {number} status 0 when no answer came.
 * @property {string} code
 * @property {string} title
 * @property {string} [detail]
 * @property {string} [request_id]
 * @property {string} [login_url]
 * @property {number} [retryAfterSeconds]
 */

/** Calls of this origin: each gives `{ ok: true, data }` or `{ ok: false, problem }`, and never throws. */
export const createClient = () => {
  let csrfToken = ''

  const session = async ({ slide }) => {
    const answer = await send(slide ? '/session' : '/session?slide=false')
    if (answer.ok) csrfToken = answer.data.csrf_token ?? ''
    return answer
  }

  const post = (path, body) =>
    send(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrfToken },
      body: JSON.stringify(body),
    })

  /** A login in another tab changes the CSRF token; a refused call did nothing, so it may go again. */
  const postAgainIfStale = async (path, body) => {
    const answer = await post(path, body)
    if (answer.ok || answer.problem.code !== 'csrf_invalid') return answer
    await session({ slide: false })
    return post(path, body)
  }

  return { session, get: (path) => send(path), post: postAgainIfStale }
}

const send = async (path, init = {}) => {
  try {
    const response = await fetch(path, {
      ...init,
      headers: { Accept: 'application/json', ...init.headers },
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(patienceMs),
    })
    if (!response.ok) return { ok: false, problem: await problemOf(response) }
    return { ok: true, data: response.status === 204 ? undefined : await response.json() }
  } catch {
    return { ok: false, problem: noAnswer }
  }
}

/** @type {Problem} */
const noAnswer = {
  status: 0,
  code: 'no_answer',
  title: 'No answer',
  detail: 'The server did not answer. Is your connection up?',
}

/** @returns {Promise<Problem>} */
const problemOf = async (response) => {
  const retryAfterSeconds = Number(response.headers.get('Retry-After')) || undefined
  const type = response.headers.get('Content-Type') ?? ''
  const body = type.includes('json') ? await response.json().catch(() => ({})) : {}
  const { code = 'unknown', title = `The server answered ${response.status}` } = body
  return { ...body, status: response.status, code, title, retryAfterSeconds }
}

const endings = new Set(['login_required', 'session_expired', 'session_revoked'])

/** Whether the session is over. */
export const isSignedOut = ({ status, code }) => status === 401 && endings.has(code)

/** Whether the same call may well succeed a little later. */
export const isPassing = ({ status }) => [0, 429, 502, 503, 504].includes(status)
