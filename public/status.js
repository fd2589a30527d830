const byId = (id) => document.getElementById(id)
const goodNewsMs = 6_000

/** The line at the foot of the page that tells how things went; screen readers hear it. */
export const createStatus = () => {
  let timer
  let retry = () => {}

  const hide = () => {
    clearTimeout(timer)
    // A hidden element cannot keep the focus; the page's main part takes it over.
    if (byId('toast').contains(document.activeElement)) byId('main').focus()
    setOpen(false)
    byId('status').replaceChildren()
  }

  const show = (kind, lines) => {
    clearTimeout(timer)
    byId('toast').dataset.kind = kind
    setOpen(true)
    byId('status-retry').hidden = true
    byId('status-login').hidden = true
    byId('status').replaceChildren(...lines.filter(({ text }) => text).map(paragraph))
  }

  const good = (text) => {
    show('good', [{ text }])
    timer = setTimeout(hide, goodNewsMs)
  }

  /** Says what went wrong in the words of the answer, and offers the next step. */
  const bad = (problem, { onRetry, hint } = {}) => {
    const { title, detail, code, request_id: requestId, login_url: loginUrl } = problem
    const trace = [code, requestId && `request ${requestId}`].filter(Boolean).join(' · ')
    show('bad', [
      { text: title, className: 'toast-title' },
      { text: hint ?? detail },
      { text: trace, className: 'small' },
    ])
    if (loginUrl) Object.assign(byId('status-login'), { href: loginUrl, hidden: false })
    if (onRetry === undefined) return
    retry = onRetry
    byId('status-retry').hidden = false
  }

  byId('status-close').addEventListener('click', hide)
  byId('status-retry').addEventListener('click', () => {
    hide()
    retry()
  })
  return { good, bad, hide }
}

/** Closed, it is invisible but not gone: screen readers only hear a live region that was there before. */
const setOpen = (open) => {
  byId('toast').toggleAttribute('data-open', open)
  byId('toast-actions').hidden = !open
}

const paragraph = ({ text, className = '' }) => {
  const node = document.createElement('p')
  node.className = className
  node.textContent = text
  return node
}
