const byId = (id) => document.getElementById(id)
const views = ['loading', 'unavailable', 'landing', 'app']
const headings = { unavailable: 'unavailable-title', landing: 'landing-title', app: 'app-title' }

/** Shows one view; when it replaces another that was in use, its heading gets the focus. */
export const showView = (name) => {
  const before = views.find((view) => !byId(`view-${view}`).hidden)
  for (const view of views) byId(`view-${view}`).hidden = view !== name
  byId('logout-form').hidden = name !== 'app'
  if (before !== name && before !== 'loading') byId(headings[name])?.focus()
}

/** The page for people without a session, with a word on why they are there. */
export const showLanding = ({ loginUrl, notice }) => {
  byId('login').href = loginUrl
  // Another look that brings no news leaves the last word standing.
  if (notice !== undefined) byId('notice').textContent = notice
  byId('notice').hidden = byId('notice').textContent === ''
  showView('landing')
}

/** The page for when nobody can tell whether there is a session. */
export const showUnavailable = ({ title }) => {
  byId('unavailable-text').textContent =
    `${title}. If you are logged in, you still are. This page asks again by itself.`
  showView('unavailable')
}

/** Who is logged in, and what the page's scripts can see of it. */
export const renderUser = (session) => {
  const { user, roles = [], csrf_token: csrfToken, auth_time: authTime, tenant } = session
  const name = user.name ?? user.email ?? user.sub
  byId('app-title').textContent = `Hello, ${name.split(' ')[0]}`
  byId('who').textContent = name
  byId('top-name').textContent = name
  byId('email').textContent = user.email ?? ''
  byId('initials').textContent = initialsOf(name)
  byId('roles').replaceChildren(...roles.map((role) => element('li', role)))
  if (roles.length === 0) byId('roles').replaceChildren(element('li', 'none'))
  byId('auth-time').textContent = authTime ? asMoment(authTime) : '–'
  byId('tenant').textContent = tenant ?? '–'
  byId('logout-csrf').value = csrfToken
  byId('notice').textContent = ''
  renderReach()
}

const asMoment = (seconds) =>
  new Date(seconds * 1_000).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })

const initialsOf = (name) =>
  name
    .split(/\s+/)
    .map((word) => word[0] ?? '')
    .slice(0, 2)
    .join('')
    .toUpperCase()

/** Reading here proves the point: no session cookie, nothing stored. */
const renderReach = () => {
  const names = document.cookie.split('; ').map((pair) => pair.split('=')[0])
  byId('script-cookies').textContent = names.filter(Boolean).join(', ') || 'none'
  const stored = localStorage.length + sessionStorage.length
  byId('script-storage').textContent = stored === 0 ? 'empty' : `${stored} entries`
}

/** The orders as a table. */
export const renderOrders = (orders) => {
  const rows = orders.map(({ id, item, quantity, by, at }) => {
    const row = document.createElement('tr')
    const time = element('time', new Date(at).toLocaleTimeString([], { timeStyle: 'short' }))
    time.dateTime = at
    const cells = [String(id), item, String(quantity), by, time].map((value) =>
      element('td', value),
    )
    cells[2].className = 'number'
    cells[4].className = 'detail'
    row.append(...cells)
    return row
  })
  byId('orders').tBodies[0].replaceChildren(...rows)
  byId('orders-box').hidden = rows.length === 0
  byId('orders-empty').hidden = rows.length > 0
  if (rows.length === 0) byId('orders-empty').textContent = 'There are no orders yet.'
}

/** Which token the API saw, and how often it has changed. */
export const renderToken = ({ fingerprint, refreshes, changed }) => {
  byId('token-fingerprint').textContent = fingerprint
  byId('refresh-count').textContent = String(refreshes)
  if (!changed) return
  byId('refresh-last').textContent = new Date().toLocaleTimeString()
  const panel = byId('token-panel')
  panel.classList.remove('flash')
  // Reading a size makes the browser notice the removal, so that the flash starts anew.
  void panel.offsetWidth
  panel.classList.add('flash')
}

/** A line under the token panel. */
export const setTokenNote = (text) => {
  byId('token-note').textContent = text
}

/** Marks a button as working, so that it is not pressed twice. */
export const setBusy = (id, busy) => {
  byId(id).setAttribute('aria-disabled', String(busy))
  byId(id).setAttribute('aria-busy', String(busy))
}

/** Whether a button is working. */
export const isBusy = (id) => byId(id).getAttribute('aria-busy') === 'true'

const element = (tag, content) => {
  const node = document.createElement(tag)
  node.append(content)
  return node
}
