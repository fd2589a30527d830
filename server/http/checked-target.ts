import { BrokerError } from '../core/errors.ts'
import type { Result } from '../core/result.ts'
import type { Call } from './call.ts'
import { answersAnyHost } from './endpoints.ts'
import { hostOf, ownHostCheck } from './host.ts'
import { headerCount } from './raw-headers.ts'
import type { RequestTarget, TargetRefusal } from './request-target.ts'
import { parseRequestTarget } from './request-target.ts'

const unusedMethods = new Set(['TRACE', 'TRACK', 'CONNECT'])

/** The target of a call, checked; throws the first refusal. */
export type TargetCheck = (call: Call) => RequestTarget

/** Checks calls to `origin`: host, then path, then method. */
export const targetCheck = (origin: string): TargetCheck => {
  const host = hostOf(origin)
  const isOwnHost = ownHostCheck(origin)
  return (call) => {
    // Node takes the first of two Host headers, another server the last: neither is asked (RFC 9112 section 3.2).
    requireOnce(call, 'host', 'Host')
    const parsed = parseRequestTarget(call.url ?? '', host)
    const anyHost = parsed.ok && answersAnyHost.has(parsed.value.path)
    if (!anyHost && !isOwnHost(call)) throw new BrokerError('unknown_host')
    const target = accepted(parsed)
    requireOnce(call, 'authorization', 'Authorization')
    if (unusedMethods.has(call.method ?? ''))
      throw new BrokerError('method_not_allowed', { allow: [] })
    return target
  }
}

const requireOnce = (call: Call, name: string, shownName: string): void => {
  if (headerCount(call, name) > 1)
    throw new BrokerError('invalid_request', { detail: `The ${shownName} header came twice.` })
}

const accepted = (parsed: Result<RequestTarget, TargetRefusal>): RequestTarget => {
  if (parsed.ok) return parsed.value
  if (parsed.reason.kind === 'foreign_authority') throw new BrokerError('unknown_host')
  throw new BrokerError('invalid_path', { detail: parsed.reason.detail })
}
