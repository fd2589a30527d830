import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Route } from '../../server/config/config.ts'
import type { TokenWant } from '../../server/core/token-set.ts'
import { tokenWants } from '../../server/proxy/token-want.ts'
import { route } from '../support/world.ts'

const login = { audience: 'orders', resource: undefined }
const all = { audience: 'orders', resource: undefined, scope: undefined }

const rows: readonly (readonly [string, Partial<Route>, TokenWant | undefined])[] = [
  ['no token', { token: 'none', audience: 'orders' }, undefined],
  ['the audience of the login', { audience: 'orders' }, {}],
  ['the same, optional', { token: 'optional', audience: 'orders' }, {}],
  ['no audience', {}, { ...all, audience: undefined }],
  ['another audience', { audience: 'stock' }, { ...all, audience: 'stock' }],
  ['a scope as well', { audience: 'orders', scope: 'x' }, { ...all, scope: 'x' }],
  ['a resource as well', { audience: 'orders', resource: 'urn:x' }, { ...all, resource: 'urn:x' }],
  [
    'the same audience, service',
    { token: 'service', audience: 'orders' },
    { ...all, kind: 'service' },
  ],
  [
    'the same audience, exchange',
    { token: 'exchange', audience: 'orders' },
    { ...all, kind: 'exchange' },
  ],
]
for (const [what, settings, want] of rows)
  test(`tokenWants › ${what} › ${JSON.stringify(want)}`, () => {
    assert.deepEqual(tokenWants(login)(route('/api/x', 'http://127.0.0.1:1', settings)), want)
  })
