import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { callsTokenInvalid, parseChallenges } from '../../server/proxy/challenges.ts'

type Plain = readonly [scheme: string, parameters: Readonly<Record<string, string>>]

const lines: readonly (readonly [line: string, challenges: readonly Plain[]])[] = [
  ['', []],
  ['Bearer', [['bearer', {}]]],
  ['Bearer realm="a"', [['bearer', { realm: 'a' }]]],
  ['BEARER Error=invalid_token', [['bearer', { error: 'invalid_token' }]]],
  ['Bearer realm="a, Basic b=\\"c\\"", error="d"', [['bearer', { realm: 'a, Basic b="c"', error: 'd' }]]], // prettier-ignore
  ['Basic realm="x", Bearer error="y" , z = 1', [['basic', { realm: 'x' }], ['bearer', { error: 'y', z: '1' }]]], // prettier-ignore
  ['Negotiate, Bearer error="y"', [['negotiate', {}], ['bearer', { error: 'y' }]]], // prettier-ignore
  ['Negotiate YWJj==, Bearer error=y', [['negotiate', {}], ['bearer', { error: 'y' }]]], // prettier-ignore
  [', ,Bearer a=1,,\tb=2,', [['bearer', { a: '1', b: '2' }]]],
  ['Bearer a=1, a=2', [['bearer', { a: '1' }]]],
  ['Bearer a="", b="\\\\"', [['bearer', { a: '', b: '\\' }]]],
  ['"Bearer error=y"', []],
  ['Bearer realm="x", @', [['bearer', { realm: 'x' }]]],
]

for (const [line, expected] of lines)
  test(`parseChallenges › ${line} › ${expected.length} challenges`, () => {
    const found = parseChallenges(line).map(({ scheme, parameters }): Plain => [
      scheme,
      Object.fromEntries(parameters),
    ])
    assert.deepEqual(found, expected)
  })

test('parseChallenges › quotes that never close › no parameter of theirs', () => {
  const [bearer] = parseChallenges('Bearer realm="x, error="invalid_token"')
  assert.equal(bearer?.parameters.get('error'), undefined)
})

test('parseChallenges › any text › ends, and keeps no separator in a name', () => {
  const piece = fc.constantFrom('Bearer', ' ', ',', '=', '"', '\\', 'a', '==', '\t', '/', 'é')
  const line = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(line, (text) => {
      for (const { scheme, parameters } of parseChallenges(text))
        for (const name of [scheme, ...parameters.keys()]) assert.match(name, /^[^\s,="]+$/)
    }),
    { numRuns: 2_000 },
  )
})

const answers: readonly (readonly [headers: readonly string[], invalid: boolean])[] = [
  [['WWW-Authenticate', 'Bearer error="invalid_token"'], true],
  [['Www-authenticate', 'bearer realm="x", error="invalid_token", error_description="old"'], true],
  [['WWW-Authenticate', 'Basic', 'WWW-Authenticate', 'Bearer error=invalid_token'], true],
  [['WWW-Authenticate', 'Bearer'], false],
  [['WWW-Authenticate', 'Bearer error="insufficient_scope"'], false],
  [['WWW-Authenticate', 'Basic error="invalid_token"'], false],
  [['WWW-Authenticate', 'Bearer realm="error=\\"invalid_token\\""'], false],
  [['WWW-Authenticate', 'Bearer realm="x, error=invalid_token"'], false],
  [['X-Other', 'Bearer error="invalid_token"'], false],
  [['X-Other', 'WWW-Authenticate', 'X-More', 'Bearer error="invalid_token"'], false],
  [[], false],
]

for (const [headers, invalid] of answers)
  test(`callsTokenInvalid › ${JSON.stringify(headers)} (BT-3.1-a) › ${invalid ? 'yes' : 'no'}`, () => {
    assert.equal(callsTokenInvalid(headers), invalid)
  })
