import { isPassing, isSignedOut } from './client.js'
import { createCountdown } from './countdown.js'
import { renderToken, setTokenNote } from './view.js'

const askEveryMs = 5_000
const calm = 'The fingerprint changes when Latchkey renews the token. You notice nothing else.'

/** Asks the API now and then which token it saw, and counts how often Latchkey has renewed it. */
export const watchToken = ({ client, isWatching, onSignedOut }) => {
  const countdown = createCountdown({ textId: 'token-expires', ringId: 'ring-token' })
  let timer
  let fingerprint
  let refreshes = 0

  const ask = async () => {
    const answer = await client.get('/api/me')
    if (timer === undefined) return
    if (!answer.ok) return refused(answer.problem)
    const { token } = answer.data
    const changed = fingerprint !== undefined && fingerprint !== token.fingerprint
    if (changed) refreshes += 1
    fingerprint = token.fingerprint
    renderToken({ fingerprint, refreshes, changed })
    countdown.set(Math.max(0, token.expires_in), token.exp - token.iat)
    setTokenNote(calm)
  }

  const refused = (problem) => {
    if (isSignedOut(problem)) return onSignedOut(problem)
    const next = isPassing(problem) ? ' Asking again soon; your session is kept.' : ''
    setTokenNote(`${problem.title} (${problem.code}).${next}`)
  }

  const look = () => {
    if (timer !== undefined && isWatching()) void ask()
  }

  const start = () => {
    timer = setInterval(look, askEveryMs)
    void ask()
  }

  const stop = () => {
    clearInterval(timer)
    countdown.stop()
    timer = fingerprint = undefined
    refreshes = 0
  }

  return { start, stop, look }
}
