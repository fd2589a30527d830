import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { demandIn } from '../../server/proxy/step-up-challenge.ts'

const ask = (line: string) => demandIn(['WWW-Authenticate', line])
const weak = 'Bearer error="insufficient_user_authentication"'
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64')
const claimsLine = (value: unknown) =>
  `Bearer realm="", error="insufficient_claims", claims="${base64(value)}"`

const rfc9470 =
  'Bearer error="insufficient_user_authentication", error_description="A different authentication level is required", acr_values="myACR"'
const both = { acrValues: ['a', 'b'], maxAgeSeconds: 5 }

const readable: readonly (readonly [line: string, demand: object])[] = [
  [rfc9470, { acrValues: ['myACR'], maxAgeSeconds: undefined }],
  [`${weak}, max_age="5"`, { acrValues: undefined, maxAgeSeconds: 5 }],
  [`${weak}, max_age=0`, { acrValues: undefined, maxAgeSeconds: 0 }],
  [`${weak}, acr_values="a b", max_age="5"`, both],
  [`${weak}, acr_values="  a   b ", max_age="5"`, both],
  ['DPoP error="insufficient_user_authentication", acr_values="a b", max_age=5, algs="ES256"', both],
  [`Basic realm="x", ${weak}, acr_values="a b", max_age=5`, both],
  [`Bearer error="invalid_request", ${weak}, ACR_VALUES="a b", Max_Age=5`, both],
] // prettier-ignore

for (const [line, demand] of readable)
  test(`demandIn › ${line} (STEP-4-a) › what it asks for`, () => {
    assert.deepEqual(ask(line), demand)
  })

const acrs = { access_token: { acrs: { essential: true, value: 'c1' } } }
const entra: readonly (readonly [name: string, claims: object])[] = [
  ['an authentication context', acrs],
  ['continuous access evaluation', { access_token: { nbf: { essential: true, value: '1604106651' }, xms_cc: { values: ['cp1'] } } }],
  ['a claim as null', { access_token: { acrs: null } }],
] // prettier-ignore

for (const [name, claims] of entra)
  test(`demandIn › insufficient_claims with ${name} (STEP-4-a) › the claims parameter`, () => {
    assert.deepEqual(ask(claimsLine(claims)), { claims: JSON.stringify(claims) })
  })

test('demandIn › insufficient_claims with and without padding, quotes, and in the URL alphabet › is read', () => {
  for (const value of ['c1', 'c12', 'c123', 'c>?1']) {
    const claims = { access_token: { acrs: { essential: true, value } } }
    const text = Buffer.from(JSON.stringify(claims))
    // A slash stands in quotes only.
    const unquoted = text.toString('base64url')
    for (const written of [`"${text.toString('base64')}"`, `"${unquoted}"`, unquoted])
      assert.deepEqual(ask(`Bearer error="insufficient_claims", claims=${written}`), {
        claims: JSON.stringify(claims),
      })
  }
})

const hostile: readonly (readonly [name: string, line: string])[] = [
  ['nothing is asked for', weak],
  ['another error', 'Bearer error="insufficient_scope", acr_values="a"'],
  ['another scheme', 'Basic error="insufficient_user_authentication", acr_values="a"'],
  ['the words in a quoted realm', 'Bearer realm="error=insufficient_user_authentication, acr_values=a"'],
  ['4 kB of acr', `${weak}, acr_values="${'a'.repeat(4_096)}"`],
  ['one acr of 257', `${weak}, acr_values="${'a'.repeat(257)}"`],
  ['11 acr', `${weak}, acr_values="${'a '.repeat(11)}"`],
  ['an acr with a quote', `${weak}, acr_values="a\\"b"`],
  ['an acr with a backslash', `${weak}, acr_values="a\\\\b"`],
  ['an acr with a tab', `${weak}, acr_values="a\tb"`],
  ['an acr beyond ASCII', `${weak}, acr_values="é"`],
  ['an empty acr', `${weak}, acr_values=""`],
  ['blanks for an acr', `${weak}, acr_values="  "`],
  ['a max_age below zero', `${weak}, max_age="-1"`],
  ['a max_age of a hundred million', `${weak}, max_age="100000000"`],
  ['a max_age with a point', `${weak}, max_age="1.5"`],
  ['a max_age in hex', `${weak}, max_age="0x10"`],
  ['an empty max_age', `${weak}, max_age=""`],
  ['a good acr and a bad max_age', `${weak}, acr_values="a", max_age="x"`],
  ['a good max_age and a bad acr', `${weak}, acr_values="é", max_age="5"`],
  ['no claims', 'Bearer error="insufficient_claims"'],
  ['claims that are no base64', 'Bearer error="insufficient_claims", claims="{}"'],
  ['claims that are no JSON', `Bearer error="insufficient_claims", claims="${Buffer.from('{').toString('base64')}"`],
  ['claims of 5 kB', claimsLine({ access_token: { acrs: { value: 'x'.repeat(4_000) } } })],
  ['claims that are a list', claimsLine([acrs])],
  ['claims that are null', claimsLine(null)],
  ['no claim', claimsLine({ access_token: {} })],
  ['21 claims', claimsLine({ access_token: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`c${n}`, null])) })],
  ['claims of the ID token', claimsLine({ id_token: { sub: { value: 'eve' } } })],
  ['claims of the ID token besides', claimsLine({ ...acrs, id_token: { sub: { value: 'eve' } } })],
  ['claims of userinfo besides', claimsLine({ ...acrs, userinfo: { email: null } })],
  ['a claim that is a text', claimsLine({ access_token: { acrs: 'c1' } })],
  ['a claim with a member of its own', claimsLine({ access_token: { acrs: { prompt: 'none' } } })],
  ['a claim with a value that is an object', claimsLine({ access_token: { acrs: { value: {} } } })],
  ['a claim with a line break', claimsLine({ access_token: { acrs: { value: 'c1\r\nx' } } })],
  ['a claim with a name of blanks', claimsLine({ access_token: { 'a b': null } })],
] // prettier-ignore

for (const [name, line] of hostile)
  test(`demandIn › ${name} (STEP-x, R29) › nothing: the 401 passes as it is`, () => {
    assert.equal(ask(line), undefined)
  })

test('demandIn › several headers › the first challenge that can be read', () => {
  const headers = [
    'X-A', weak, 'www-authenticate', 'Basic realm="x"', 'WWW-Authenticate', `${weak}, max_age=x`,
    'WWW-Authenticate', `${weak}, max_age=7`, 'WWW-Authenticate', `${weak}, max_age=8`,
  ] // prettier-ignore
  assert.equal(demandIn(headers)?.maxAgeSeconds, 7)
  assert.equal(demandIn(['X-Other', `${weak}, max_age=7`]), undefined)
})

test('demandIn › any acr_values and max_age (STEP-x) › what is passed on is words and a number', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 })
  fc.assert(
    fc.property(text, text, (acr, age) => {
      const demand = ask(`${weak}, acr_values="${acr}", max_age="${age}"`)
      for (const value of demand?.acrValues ?? []) assert.match(value, /^[!#-[\]-~]+$/)
      assert.ok((demand?.maxAgeSeconds ?? 0) >= 0 && (demand?.maxAgeSeconds ?? 0) < 1e8)
    }),
    { numRuns: 2_000 },
  )
})
