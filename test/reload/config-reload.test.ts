import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configReload } from '../../server/reload/config-reload.ts'
import type { Loaded } from '../../server/config/load.ts'
import { secret } from '../../server/core/secret.ts'
import type { BrokerConfig } from '../../server/config/ready-config.ts'
import { capturedLog } from '../support/captured-log.ts'
import { loaded, provider } from '../config/loading.ts'

const configOf = (path: string) =>
  loaded({ ...provider, CONFIG_FILE: 'f' }, { f: `routes: [{ path: ${path}, upstream: "http://a.test" }]` }) as BrokerConfig // prettier-ignore

/** Reloads of what `files` say, one after the other; what is applied is noted. */
const reloading = (files: readonly string[], apply: () => Promise<void>) => {
  const { log, text } = capturedLog()
  const left = [...files]
  const applied: string[] = []
  const reload = configReload(configOf('/start'), {
    log,
    load: async (): Promise<Loaded> => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      return { ok: true, config: configOf(left.shift() ?? '/last'), warnings: [], madeUp: secret({}) } // prettier-ignore
    },
    complain: () => undefined,
    apply: (config) => {
      applied.push(config.routes[0]?.path ?? '')
      return apply()
    },
  })
  return { reload, applied, text }
}

test('configReload › sessions of a removed tenant take long to end › the next change does not wait for them', async () => {
  const { reload, applied } = reloading(['/one', '/two'], () => new Promise(() => undefined))
  await reload('SIGHUP')
  await reload('SIGHUP')
  assert.deepEqual(applied, ['/one', '/two'])
})

test('configReload › asked many times while one is under way › one more follows, and all who asked wait for it', async () => {
  const { reload, applied } = reloading(['/one', '/two', '/three'], () => Promise.resolve())
  const first = reload('SIGHUP')
  await new Promise((resolve) => setImmediate(resolve))
  await Promise.all([first, ...Array.from({ length: 50 }, () => reload('SIGHUP'))])
  assert.deepEqual(applied, ['/one', '/two'])
})

test('configReload › what is new cannot be put in place › the log says so, and the next change is taken up', async () => {
  const failing = { now: true }
  const { reload, applied, text } = reloading(['/one', '/two'], () =>
    failing.now ? Promise.reject(new RangeError('nobody is entered there')) : Promise.resolve(),
  )
  await reload('SIGHUP')
  assert.match(text(), /new settings not taken up/)
  assert.doesNotMatch(text(), /in force/)
  failing.now = false
  await reload('SIGHUP')
  assert.deepEqual(applied, ['/one', '/two'])
  assert.match(text(), /in force/)
})
