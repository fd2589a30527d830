import { BrokerError } from '../../server/core/errors.ts'
import { systemClock } from '../../server/core/clock.ts'
import type { Backend } from '../../server/session/backend.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'

type Verb = keyof Backend

/** A store that tells what was asked of it, and that a test can break verb by verb. */
export const spyBackend = (inner = memoryBackend({ clock: systemClock })) => {
  const calls: { readonly verb: Verb; readonly args: readonly unknown[] }[] = []
  const down = new Set<Verb | 'all'>()
  const watched =
    <A extends readonly unknown[], R>(verb: Verb, run: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      calls.push({ verb, args })
      if (down.has(verb) || down.has('all')) throw new BrokerError('store_unavailable')
      return await run(...args)
    }
  const backend: Backend = {
    ...inner,
    create: watched('create', inner.create),
    read: watched('read', inner.read),
    readAgain: watched('readAgain', inner.readAgain),
    update: watched('update', inner.update),
    end: watched('end', inner.end),
    lock: watched('lock', inner.lock),
    extend: watched('extend', inner.extend),
    unlock: watched('unlock', inner.unlock),
    readListing: watched('readListing', inner.readListing),
    addToList: watched('addToList', inner.addToList),
    listed: watched('listed', inner.listed),
    raiseMark: watched('raiseMark', inner.raiseMark),
    markOf: watched('markOf', inner.markOf),
    putOnce: watched('putOnce', inner.putOnce),
    putLogin: watched('putLogin', inner.putLogin),
    takeLogin: watched('takeLogin', inner.takeLogin),
    put: watched('put', inner.put),
    peek: watched('peek', inner.peek),
    take: watched('take', inner.take),
    ping: watched('ping', inner.ping),
  }
  return {
    backend,
    calls,
    down,
    count: (verb: Verb): number => calls.filter((call) => call.verb === verb).length,
    /** Every text that became part of a key. */
    keyTexts: (): string[] =>
      calls.flatMap(({ args }) => args.filter((arg) => typeof arg === 'string')),
  }
}

export type SpyBackend = ReturnType<typeof spyBackend>
