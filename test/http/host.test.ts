import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Call } from '../../server/http/call.ts'
import { doorTo, entrances } from '../../server/http/entrances.ts'
import { hostOf } from '../../server/http/host.ts'
import { header, headerCount } from '../../server/http/raw-headers.ts'
import { request } from './request.ts'

const ownHostCheck = (origin: string) => {
  const { at } = entrances([doorTo({ origin, base: '' })], origin)
  return (req: Call): boolean => at(header(req, 'host')) !== undefined
}

const https = 'https://app.test'
const local = 'http://localhost:3000'
const six = 'http://[::1]:3000'

const own: readonly (readonly [string, string])[] = [
  [https, 'app.test'],
  [https, 'APP.test'],
  [https, 'app.test:443'],
  [local, 'localhost:3000'],
  [six, '[::1]:3000'],
  ['http://app.test', 'app.test:80'],
  ['https://[::1]', '[::1]:443'],
]
for (const [origin, host] of own)
  test(`entrances › ${host} for ${origin} › is ours`, () => {
    assert.equal(ownHostCheck(origin)(request({ host })), true)
  })

const foreign: readonly (readonly [string, string | undefined])[] = [
  [https, undefined],
  [https, ''],
  [https, 'evil.test'],
  [https, 'app.test@evil.test'],
  [https, 'a@app.test'],
  [https, 'app.test.evil.test'],
  [https, 'sub.app.test'],
  [https, 'app.test.'],
  [https, 'app.test:80'],
  [https, 'app.test:443:443'],
  [https, 'app.test:0443'],
  [https, 'app.test:'],
  [https, 'app.test, evil.test'],
  [https, 'app.test/'],
  [https, 'app.test\\'],
  [https, ' app.test'],
  ['http://app.test', 'app.test:443'],
  [local, 'localhost'],
  [local, 'localhost:3001'],
  [local, 'localhost:3000:80'],
  [local, '127.0.0.1:3000'],
  [six, '::1:3000'],
]
for (const [origin, host] of foreign)
  test(`entrances › R22 ${JSON.stringify(host)} for ${origin} › is not ours`, () => {
    assert.equal(ownHostCheck(origin)(request({ host })), false)
  })

test('entrances › R22 X-Forwarded-Host names us, Host does not › is not ours', () => {
  const req = request({ host: 'evil.test', 'x-forwarded-host': 'app.test', forwarded: 'host=app.test' }) // prettier-ignore
  assert.equal(ownHostCheck(https)(req), false)
})

test('hostOf › an origin with the default port › the host as browsers send it', () => {
  assert.deepEqual([hostOf('https://App.test:443'), hostOf(local)], ['app.test', 'localhost:3000'])
})

test('headerCount › R22 copies in several spellings › are all counted', () => {
  const req = request()
  req.rawHeaders.push('Host', 'app.test', 'HOST', 'evil.test', 'hosts', 'x', 'x', 'host')
  assert.equal(headerCount(req, 'host'), 2)
  assert.equal(headerCount(request(), 'host'), 0)
})
