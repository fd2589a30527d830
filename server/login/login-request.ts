import { BrokerError } from '../core/errors.ts'
import { parseReturnTo } from '../core/return-to.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import type { LoginWish } from '../oidc/authorization-request.ts'

/** What `/login` was asked for, every part checked. */
export type LoginRequest = {
  readonly returnTo: string
  readonly wish: LoginWish
  /** Stands for what a refused call asked of this login. */
  readonly stepUpHandle: string | undefined
  /** This login was started by our own page after a callback that nobody knew. */
  readonly retry: boolean
}

export type LoginDoor = {
  readonly origin: string
  /** The prefix of the tenant's paths; none without. */
  readonly base?: string
  readonly issuer: string
  readonly tenant: string
}

const prompts = ['none', 'login', 'consent', 'select_account', 'create']
const longestText = 1_024

/** The parameters of `/login`; throws `invalid_return_to`, `invalid_parameter` or `unknown_tenant`. Unknown ones are ignored. */
export const parseLoginRequest = (parameters: URLSearchParams, door: LoginDoor): LoginRequest => {
  const tenant = single(parameters, 'tenant')
  if (tenant !== undefined && tenant !== door.tenant) throw new BrokerError('unknown_tenant')
  const issuer = single(parameters, 'iss')
  // A login started at any issuer's wish would let a stranger choose the account (OpenID Connect Core 1.0 section 4).
  if (issuer !== undefined && issuer !== door.issuer)
    throw invalid('iss is not the issuer of this app.')
  return {
    returnTo: returnToOf(parameters, door),
    wish: {
      prompt: promptOf(parameters),
      acrValues: textOf(parameters, 'acr_values'),
      maxAgeSeconds: maxAgeOf(parameters),
      loginHint: textOf(parameters, 'login_hint'),
      uiLocales: textOf(parameters, 'ui_locales'),
    },
    stepUpHandle: handleOf(parameters),
    retry: single(parameters, 'retry') === '1',
  }
}

/** Whether a session that lives does not suffice for this wish. */
export const asksForMore = ({ prompt, acrValues, maxAgeSeconds, claims }: LoginWish): boolean =>
  (prompt !== undefined && prompt !== 'none') ||
  acrValues !== undefined ||
  maxAgeSeconds !== undefined ||
  claims !== undefined

/** The wish of a step-up: what its demand leaves open stays as it was asked. */
export const strongerWish = (wish: LoginWish, demand: StepUpDemand): LoginWish => ({
  ...wish,
  acrValues: demand.acrValues?.join(' ') ?? wish.acrValues,
  maxAgeSeconds: demand.maxAgeSeconds ?? wish.maxAgeSeconds,
  claims: demand.claims,
  prompt: demand.prompt ?? wish.prompt,
})

const invalid = (detail: string) => new BrokerError('invalid_parameter', { detail })

const single = (parameters: URLSearchParams, name: string): string | undefined => {
  const [value, second] = parameters.getAll(name)
  if (second !== undefined) {
    if (name === 'return_to')
      throw new BrokerError('invalid_return_to', { detail: 'return_to came twice; give it once.' })
    throw invalid(`${name} came twice; give it once.`)
  }
  return value
}

const returnToOf = (parameters: URLSearchParams, { origin, base = '' }: LoginDoor): string => {
  const raw = single(parameters, 'return_to') ?? targetLink(parameters, origin)
  if (raw === undefined) return `${base}/`
  const parsed = parseReturnTo(raw)
  if (!parsed.ok) throw new BrokerError('invalid_return_to', { cause: parsed.reason })
  return parsed.value
}

/** `target_link_uri` is absolute; what is not on our origin is refused, or we would be an open redirector. */
const targetLink = (parameters: URLSearchParams, origin: string): string | undefined => {
  const raw = single(parameters, 'target_link_uri')
  if (raw === undefined || raw.startsWith('/')) return raw
  if (!URL.canParse(raw) || new URL(raw).origin !== origin)
    throw new BrokerError('invalid_return_to', {
      detail: 'target_link_uri is not an address of this app.',
    })
  const { pathname, search, hash } = new URL(raw)
  return `${pathname}${search}${hash}`
}

const promptOf = (parameters: URLSearchParams): string | undefined => {
  const raw = single(parameters, 'prompt')
  if (raw === undefined) return undefined
  const parts = raw.split(' ')
  if (!parts.every((part) => prompts.includes(part)))
    throw invalid(`prompt takes ${prompts.join(', ')}.`)
  if (parts.includes('none') && parts.length > 1) throw invalid('prompt=none stands alone.')
  return raw
}

const maxAgeOf = (parameters: URLSearchParams): number | undefined => {
  const raw = single(parameters, 'max_age')
  if (raw === undefined) return undefined
  if (!/^\d{1,9}$/.test(raw)) throw invalid('max_age is a number of seconds, such as 900.')
  return Number(raw)
}

const handleOf = (parameters: URLSearchParams): string | undefined => {
  const raw = single(parameters, 'step_up')
  if (raw !== undefined && !/^[A-Za-z0-9_-]{22}$/.test(raw))
    throw invalid('step_up is not a part of any login_url.')
  return raw
}

const textOf = (parameters: URLSearchParams, name: string): string | undefined => {
  const raw = single(parameters, name)
  if (raw === undefined || raw === '') return undefined
  if (raw.length > longestText || /[\u0000-\u001f\u007f]/.test(raw))
    throw invalid(`${name} is longer than ${longestText} characters or has a control character.`)
  return raw
}
