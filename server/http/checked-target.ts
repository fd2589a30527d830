import { BrokerError } from '../core/errors.ts'
import type { Call } from './call.ts'
import { answersAnyHost } from './endpoints.ts'
import { hostOf, isOwnHost } from './host.ts'
import { headerCount } from './raw-headers.ts'
import type { RequestTarget } from './request-target.ts'
import { parseRequestTarget } from './request-target.ts'

const unusedMethods = new Set(['TRACE', 'TRACK', 'CONNECT'])

/** The target of a call to `origin`: host, then path, then method; throws the first refusal. */
export const checkedTarget = (call: Call, origin: string): RequestTarget => {
  // Node takes the first of two Host headers, another server the last: neither is asked (RFC 9112 section 3.2).
  if (headerCount(call, 'host') > 1)
    throw new BrokerError('invalid_request', { detail: 'The Host header came twice.' })
  const target = parseRequestTarget(call.url ?? '', hostOf(origin))
  const anyHost = target.ok && answersAnyHost.has(target.value.path)
  if (!anyHost && !isOwnHost(call, origin)) throw new BrokerError('unknown_host')
  if (!target.ok) {
    if (target.reason.kind === 'foreign_authority') throw new BrokerError('unknown_host')
    throw new BrokerError('invalid_path', { detail: target.reason.detail })
  }
  if (headerCount(call, 'authorization') > 1)
    throw new BrokerError('invalid_request', { detail: 'The Authorization header came twice.' })
  if (unusedMethods.has(call.method ?? ''))
    throw new BrokerError('method_not_allowed', { allow: [] })
  return target.value
}
