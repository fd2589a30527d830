import { createClient, isPassing, isSignedOut } from './client.js'
import { createCountdown } from './countdown.js'
import { createStatus } from './status.js'
import { watchToken } from './token-watch.js'
import * as view from './view.js'

const sessionCheckMs = 20_000
const soonestRetryMs = 3_000

const client = createClient()
const status = createStatus()
const tabs = new BroadcastChannel('latchkey-demo')
const byId = (id) => document.getElementById(id)

/** @type {'unknown' | 'in' | 'out'} */
let known = 'unknown'
let retryTimer

const look = () => void loadSession({ slide: false })
const idle = createCountdown({ textId: 'session-idle', ringId: 'ring-idle', onEnd: look })
const absolute = createCountdown({
  textId: 'session-absolute',
  ringId: 'ring-absolute',
  onEnd: look,
})
const token = watchToken({
  client,
  isWatching: () => byId('watch').checked && !document.hidden,
  onSignedOut: (problem) => signOut(problem),
})

const reasons = {
  login_required: 'You are not logged in any more. Please log in to go on.',
  session_expired: 'Your session has run out, to keep your account safe. Please log in again.',
  session_revoked: 'Your session was ended. Please log in again to go on.',
}

/** Asks who is logged in and shows the page for the answer. */
const loadSession = async ({ slide }) => {
  clearTimeout(retryTimer)
  const answer = await client.session({ slide })
  if (!answer.ok && isSignedOut(answer.problem)) return signOut(answer.problem)
  if (!answer.ok) return cannotTell(answer.problem)
  if (!answer.data.authenticated) return signOut({ login_url: answer.data.login_url })
  welcome(answer.data)
}

const welcome = (session) => {
  const changed = become('in')
  view.renderUser(session)
  idle.set(session.expires_in)
  absolute.set(session.absolute_expires_in)
  view.showView('app')
  if (changed) token.start()
}

/** Shows the way back in; what was typed stays in the page for who logs in again in another tab. */
const signOut = ({ code, login_url: loginUrl = '/login' }) => {
  const before = known
  become('out')
  token.stop()
  idle.stop()
  absolute.stop()
  status.hide()
  const reason = before === 'in' ? (reasons[code] ?? reasons.login_required) : reasons[code]
  view.showLanding({ loginUrl, notice: reason ?? farewell() })
}

/** Notes what is known of the session, and tells other tabs when that is news; says whether it is. */
const become = (state) => {
  if (known === state) return false
  known = state
  tabs.postMessage('session-changed')
  return true
}

/** Said once, after the way through /logout. */
const farewell = () => {
  if (!new URLSearchParams(location.search).has('signed_out')) return undefined
  history.replaceState(null, '', '/')
  return 'You are logged out. See you soon!'
}

/** An outage never logs anyone out: a page that is open stays open, and asks again later. */
const cannotTell = (problem) => {
  if (known !== 'in') view.showUnavailable(problem)
  const waitMs = Math.max(soonestRetryMs, (problem.retryAfterSeconds ?? 0) * 1_000)
  retryTimer = setTimeout(look, waitMs)
}

/** Runs what a button does: once at a time, and with a way on when it fails. */
const act = async (
  buttonId,
  action,
  hint = 'Your session is kept. Please try again in a moment.',
) => {
  if (view.isBusy(buttonId)) return
  view.setBusy(buttonId, true)
  status.hide()
  const answer = await action()
  view.setBusy(buttonId, false)
  if (answer.ok) return look()
  if (isSignedOut(answer.problem)) return signOut(answer.problem)
  const passing = isPassing(answer.problem)
  status.bad(answer.problem, {
    ...(passing && { onRetry: () => void act(buttonId, action, hint), hint }),
  })
}

const listOrders = async () => {
  const answer = await client.get('/api/orders')
  if (!answer.ok) return answer
  const { orders } = answer.data
  view.renderOrders(orders)
  status.good(`The API answered with ${orders.length} ${orders.length === 1 ? 'order' : 'orders'}.`)
  return answer
}

const sendOrder = async () => {
  const [item, quantity] = [byId('order-item'), byId('order-quantity')]
  const order = { item: item.value, quantity: Number(quantity.value) }
  const answer = await client.post('/api/orders', order)
  if (!answer.ok) return answer
  byId('order-form').reset()
  item.focus()
  const list = await client.get('/api/orders')
  if (list.ok) view.renderOrders(list.data.orders)
  status.good(`Order ${answer.data.id} is in: ${answer.data.quantity} × ${answer.data.item}.`)
  return answer
}

byId('call-api').addEventListener('click', () => void act('call-api', listOrders))
byId('order-form').addEventListener('submit', (event) => {
  event.preventDefault()
  const hint = 'What you typed is kept. If in doubt, look at the list before you send it again.'
  void act('order-send', sendOrder, hint)
})
byId('try-again').addEventListener('click', look)
byId('watch').addEventListener('change', token.look)
tabs.addEventListener('message', look)
document.addEventListener('visibilitychange', () => document.hidden || look())
// A page that comes back from the browser's memory may show a session that is over.
window.addEventListener('pageshow', ({ persisted }) => persisted && look())
setInterval(() => known === 'in' && !document.hidden && look(), sessionCheckMs)

void loadSession({ slide: true })
