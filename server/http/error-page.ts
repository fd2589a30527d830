import type { BrokerError } from '../core/errors.ts'
import type { FailureCode } from '../core/failures.ts'
import type { Problem } from '../core/problem.ts'
import type { Page } from './html.ts'
import { escapeHtml, linkButton } from './html.ts'

type Words = { readonly title: string; readonly text: string }

const loginAgain = { title: 'Please log in', text: 'Log in to go on where you were.' }
const noRight = {
  title: 'Not allowed',
  text: 'Your account may not do this. Ask whoever runs the app for the right to it.',
}
const notNow = {
  title: 'Not available right now',
  text: 'Please try again in a moment. You are still logged in.',
}

/** What a person reads where the problem's own words are for whoever writes the app. */
const forPeople: Partial<Record<FailureCode, Words>> = {
  login_required: loginAgain,
  session_expired: {
    title: 'Your session has ended',
    text: 'It was open for a long time. Log in to go on where you were.',
  },
  session_revoked: { title: 'You have been logged out', text: 'Log in to go on where you were.' },
  step_up_required: {
    title: 'Please confirm that it is you',
    text: 'This needs a stronger or a fresher login. Log in to go on where you were.',
  },
  forbidden_role: noRight,
  insufficient_scope: noRight,
  store_unavailable: notNow,
  idp_unavailable: {
    title: 'Logging in is not possible right now',
    text: 'The login service cannot be reached. Please try again in a moment.',
  },
  not_allowed: {
    title: 'This account has no access',
    text: 'You are logged in at the login service, and this account may not use the app. Log in as someone else, or ask whoever runs the app to let you in.',
  },
  forbidden_tenant: {
    title: 'This account belongs elsewhere',
    text: 'You are logged in with an account of another organisation. Use one of the organisation whose app this is, or ask whoever runs it to let you in.',
  },
  login_cookie_missing: {
    title: 'This login did not come back as it began',
    text: 'Most often the browser keeps no cookies: logging in needs one of this site. Allow cookies for it, then log in again.',
  },
}

/** A refusal as a page: what happened, the next step, and the facts that support asks for. */
export const errorPage = (error: BrokerError, problem: Problem, home: string): Page => {
  const words = forPeople[error.code] ?? { title: problem.title, text: problem.detail ?? '' }
  return {
    title: words.title,
    body: `<p>${escapeHtml(words.text)}</p>
${wayBack(error, home)}
<dl><dt>Problem</dt><dd>${escapeHtml(problem.title)}</dd><dt>Code</dt><dd>${problem.code}</dd><dt>Status</dt><dd>${problem.status}</dd><dt>Request</dt><dd>${escapeHtml(problem.request_id)}</dd></dl>`,
  }
}

const wayBack = ({ code, status, info }: BrokerError, home: string): string => {
  if (info.loginUrl === undefined) return linkButton(home, 'Back to the app')
  if (code === 'not_allowed' || code === 'forbidden_tenant')
    return linkButton(info.loginUrl, 'Log in as someone else')
  return linkButton(info.loginUrl, status === 401 ? 'Log in' : 'Try again')
}
