import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError, toBrokerError } from '../../server/core/errors.ts'
import type { FailureCode } from '../../server/core/failures.ts'
import { failures } from '../../server/core/failures.ts'
import { toProblem } from '../../server/core/problem.ts'

// Object.keys forgets the literal names of a closed table.
const codes = Object.keys(failures) as FailureCode[]

for (const code of codes)
  test(`toProblem › ${code} › has every fact of RFC 9457 and the table`, () => {
    const problem = toProblem(new BrokerError(code), 'r1')
    const { status, title, mend } = failures[code]
    assert.deepEqual(problem, {
      type: `urn:latchkey:problem:${code}`,
      title,
      status,
      code,
      detail: mend,
      request_id: 'r1',
    })
  })

for (const code of codes)
  test(`toProblem › ${code} with a detail › ${failures[code].status < 500 ? 'shows' : 'hides'} it, and its cause in any case`, () => {
    const cause = new Error('inner state', { cause: { password: 'hunter2' } })
    const problem = toProblem(new BrokerError(code, { detail: 'the page is 7', cause }), 'r1')
    assert.equal(problem.detail === 'the page is 7', failures[code].status < 500)
    assert.doesNotMatch(JSON.stringify(problem), /inner state|hunter2|stack|\.ts/)
  })

test('toProblem › a login that would help › has its address as login_url', () => {
  const error = new BrokerError('login_required', { loginUrl: '/login?return_to=%2Fa' })
  assert.equal(toProblem(error, 'r1').login_url, '/login?return_to=%2Fa')
  assert.equal('login_url' in toProblem(new BrokerError('login_required'), 'r1'), false)
})

test('failures › each code › is snake_case, with a status of 4xx or 5xx and two sentences', () => {
  for (const code of codes) {
    const { status, title, mend } = failures[code]
    assert.match(code, /^[a-z]+(?:_[a-z]+)*$/)
    assert.ok(status >= 400 && status < 600)
    assert.doesNotMatch(title, /\.$/)
    assert.match(mend, /^[A-Z].*\.$/)
  }
})

test('toBrokerError › an error of ours › is the very same', () => {
  const error = new BrokerError('no_route')
  assert.equal(toBrokerError(error), error)
})

for (const thrown of [new TypeError('x is undefined'), 'text', undefined, null, 7])
  test(`toBrokerError › ${String(thrown)} is thrown › internal_error, with the cause for the log`, () => {
    const error = toBrokerError(thrown)
    assert.deepEqual([error.code, error.status, error.cause], ['internal_error', 500, thrown])
  })
