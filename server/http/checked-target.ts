import { BrokerError } from '../core/errors.ts'
import type { Result } from '../core/result.ts'
import type { Call } from './call.ts'
import { answersAnyHost } from './endpoints.ts'
import type { Entrances, Place } from './entrances.ts'
import { header, headerCount } from './raw-headers.ts'
import type { RequestTarget, TargetRefusal } from './request-target.ts'
import { parseRequestTarget } from './request-target.ts'

const unusedMethods = new Set(['TRACE', 'TRACK', 'CONNECT'])

/** A call's target below its entrance; the path is empty where the call is for the prefix itself. */
export type Located<E> = RequestTarget & { readonly entrance: E }

/** Where a call goes, checked: host, then path, then method; throws the first refusal. */
export const targetCheck =
  <E extends Place>(entrances: Entrances<E>) =>
  (call: Call): Located<E> => {
    // Node takes the first of two Host headers, another server the last: neither is asked (RFC 9112 section 3.2).
    requireOnce(call, 'host', 'Host')
    const entry = entrances.at(header(call, 'host'))
    const parsed = parseRequestTarget(call.url ?? '', entry?.host ?? '')
    const anyHost = parsed.ok && answersAnyHost.has(parsed.value.path)
    if (!anyHost && entry === undefined) throw new BrokerError('unknown_host')
    const { path, query } = accepted(parsed)
    requireOnce(call, 'authorization', 'Authorization')
    if (unusedMethods.has(call.method ?? ''))
      throw new BrokerError('method_not_allowed', { allow: [] })
    const entrance = (entry ?? entrances.shared).under(path)
    const { base } = entrance
    return { path: base === '' ? path : path.slice(base.length), query, entrance }
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
