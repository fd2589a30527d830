import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Route } from '../../server/config/config.ts'
import { formatProblems } from '../../server/config/load.ts'
import type { Files } from './loading.ts'
import { load, loaded, problems } from './loading.ts'

type Env = Readonly<Record<string, string>>
const withFile = (text: string, env: Env = {}, files: Files = {}) =>
  [
    { CONFIG_FILE: 'routes.yaml', ...env },
    { 'routes.yaml': text, ...files },
  ] as const
const routesOf = (text: string, env?: Env, files?: Files): readonly Route[] =>
  loaded(...withFile(text, env, files)).routes
const faults = (text: string, env?: Env, files?: Files): readonly string[] =>
  problems(...withFile(text, env, files)).map((line) => line.replace(/^CONFIG_FILE /, ''))

/** One route of the least, with more in flow style. */
const route = (more = '') => `routes: [{path: /a, upstream: "http://a.test"${more && `, ${more}`}}]`

const defaults = {
  path: '/a',
  methods: undefined,
  upstreams: ['http://a.test'],
  stripPrefix: '',
  token: 'user',
  public: false,
  audience: undefined,
  resource: undefined,
  scope: undefined,
  require: undefined,
  csrf: true,
  cors: [],
  pass: { setCookie: false, cookies: [], cache: false, html: false, wwwAuthenticate: false },
  timeoutMs: { connect: 2_000, firstByte: 25_000, idle: 55_000 },
  retryIdempotent: 1,
  bodyLimitBytes: 104_857_600,
  limits: undefined,
  headers: undefined,
  tls: undefined,
  websocket: false,
}

test("CONFIG_FILE › a route of path and upstream › has the contract's defaults", () => {
  assert.deepEqual(routesOf(route()), [defaults])
})

test("UPSTREAM › alone › is one route /api with WebSockets and the contract's defaults", () => {
  const { routes } = loaded({ UPSTREAM: 'http://a.test' })
  assert.deepEqual(routes, [{ ...defaults, path: '/api', websocket: true }])
})

const given: readonly (readonly [string, Partial<Route>])[] = [
  ['methods: [GET, POST]', { methods: ['GET', 'POST'] }],
  ['strip_prefix: /a', { stripPrefix: '/a' }],
  ['token: none, public: true', { token: 'none', public: true }],
  ['token: optional', { token: 'optional' }],
  ['audience: x, resource: "urn:y", scope: openid z', { audience: 'x', resource: 'urn:y', scope: 'openid z' }], // prettier-ignore
  ['csrf: false', { csrf: false }],
  ['cors: ["https://B.test/"]', { cors: ['https://b.test'] }],
  ['pass: { set_cookie: true, cookies: [x], cache: true, html: true, www_authenticate: true }', { pass: { setCookie: true, cookies: ['x'], cache: true, html: true, wwwAuthenticate: true } }], // prettier-ignore
  ['timeout: { connect: 250ms, first_byte: 3s, idle: 2m }', { timeoutMs: { connect: 250, firstByte: 3_000, idle: 120_000 } }], // prettier-ignore
  ['limits: { body: 64kb }', { bodyLimitBytes: 65_536 }],
  ['limits: { body: 1gb }', { bodyLimitBytes: 1_073_741_824 }],
  ['websocket: true', { websocket: true }],
  ['retry: { idempotent: 0 }', { retryIdempotent: 0 }],
  ['retry: { idempotent: 1 }', {}],
  ['retry: { idempotent: 5 }', { retryIdempotent: 5 }],
  ['limits: { concurrent: 5 }', { limits: { concurrent: 5, rate: undefined } }],
  ['limits: { rate: 100/s }', { limits: { concurrent: undefined, rate: { calls: 100, seconds: 1 } } }], // prettier-ignore
  ['limits: { rate: 1/m, concurrent: 1, body: 100mb }', { limits: { concurrent: 1, rate: { calls: 1, seconds: 60 } } }], // prettier-ignore
  ['headers: {}', {}],
  ['headers: { X-User: "{claims.sub}" }', { headers: [{ name: 'x-user', parts: [{ claim: 'sub' }] }] }], // prettier-ignore
  ['headers: { X-Who: "u={claims.https://x.test/a.b}; {claims.c}!", X-Gate: on }', { headers: [{ name: 'x-who', parts: ['u=', { claim: 'https://x.test/a.b' }, '; ', { claim: 'c' }, '!'] }, { name: 'x-gate', parts: ['on'] }] }], // prettier-ignore
]
for (const [text, over] of given)
  test(`CONFIG_FILE › ${text} › is taken`, () => {
    assert.deepEqual(routesOf(route(text)), [{ ...defaults, ...over }])
  })

test('CONFIG_FILE › JSON, with several upstreams › is taken', () => {
  const upstream = ['http://a.test:1', 'http://a.test:2']
  const text = JSON.stringify({ routes: [{ path: '/a', upstream }] }, null, '\t')
  assert.deepEqual(routesOf(text), [{ ...defaults, upstreams: upstream }])
})

const refused: readonly (readonly [string, string])[] = [
  [route('colour: red'), 'routes[0] has unknown keys: colour'],
  [route('timeout: { total: 5s }'), 'routes[0].timeout has unknown keys: total'],
  [`${route()}\nroute: []`, 'has unknown keys: route'],
  [`${route()}\n__proto__: { x: 1 }`, 'has unknown keys: __proto__'],
  ['routes: []', 'routes is empty'],
  ['{}', 'routes is missing'],
  ['', 'is empty'],
  ['# a remark', 'is empty'],
  ['- path: /a', 'is a list, and must be a table with routes, and perhaps with tenants'],
  ['just words', 'is a text, and must be a table with routes, and perhaps with tenants'],
  [
    route('methods: [get]'),
    'routes[0].methods[0] is none of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
  ],
  [route('retry: { idempotent: 9 }'), 'routes[0].retry.idempotent is more than 5'],
  [
    `${route()}\ntenants: [{ id: a, path_prefix: /t/a, issuer: "https://a.test", client: { id: b, secret: s }, scope: 5 }]`,
    'tenants[0].scope is a number, and must be a text or a list of texts',
  ],
  ['routes: { path: /a }', 'routes is a table, and must be a list'],
  [
    'routes: [{path: /a, upstream: !secret "http://a.test"}]',
    'is not valid YAML at line 1, column 31: tag resolve failed',
  ],
  ['routes: [{ path: /a }]', 'routes[0].upstream is missing'],
  ['routes: [{ upstream: "http://a.test" }]', 'routes[0].path is missing'],
  [route('csrf: "yes"'), 'routes[0].csrf is a text, and must be true or false'],
  [route('timeout: { connect: 5 }'), 'routes[0].timeout.connect is a number, and must be a text'], // prettier-ignore
  [route('timeout: { connect: 5h }'), 'routes[0].timeout.connect must be written like 25s'],
  [route('timeout: { idle: 0s }'), 'routes[0].timeout.idle must be written like 25s'],
  [route('timeout: { idle: 35792m }'), 'routes[0].timeout.idle is longer than 24 days'],
  [route('limits: { body: -1mb }'), 'routes[0].limits.body must be written like 100mb'],
  [route('cors: ["*"]'), 'routes[0].cors[0] is not an absolute URL'],
  [route('public: true'), 'routes[0].public takes token: none or token: optional'],
  [
    route('strip_prefix: /b'),
    'routes[0].strip_prefix is not the beginning of path, by whole segments',
  ],
  ['routes: [{path: /ab, upstream: "http://a.test", strip_prefix: /a}]', 'routes[0].strip_prefix is not the beginning of path, by whole segments'], // prettier-ignore
  ['routes: [{path: /a, upstream: "http://a.test"}, {path: /a, upstream: "http://b.test"}]', 'routes[1].path is the path of another route'], // prettier-ignore
  ['routes: [{path: /a, upstream: ["http://a.test", "http://b.test/x"]}]', 'routes[0].upstream[1] has a path, a query or a fragment: give scheme, host and port alone'], // prettier-ignore
  ['routes: [{path: /a, upstream: "http://a.test", path: /b}]', 'is not valid YAML at line 1, column 48: duplicate key'], // prettier-ignore
  ['routes:\n\t- path: /a', 'is not valid YAML at line 2, column 1: tab as indent'],
  ['a: 1\n---\nb: 2', 'is not valid YAML at line 2, column 1: multiple docs'],
  [`# ${'x'.repeat(4_194_304)}`, 'is larger than 4 MiB'],
]
for (const [text, fault] of refused)
  test(`CONFIG_FILE › ${text.slice(0, 80)} › is refused with its place`, () => {
    assert.deepEqual(faults(text), [fault])
  })

const paths = ['/', 'a', '/a/', '//a', '/a//b', '/a/../b', '/.', '/a;x', '/a%2fb', '/a?x', '/a b', '/é', '/login', '/session/x', '/logout', '/.well-known/x', '/metrics'] // prettier-ignore
for (const path of paths)
  test(`CONFIG_FILE › path ${path} › is refused`, () => {
    const found = faults(`routes: [{ path: "${path}", upstream: "http://a.test" }]`)
    assert.deepEqual(found.map((line) => line.split(' ', 1)[0]), ['routes[0].path']) // prettier-ignore
  })

for (const path of ['/a/*', '/a/**', '/a*', '/a/:id', '/:tenant/b'])
  test(`CONFIG_FILE › path ${path}, which would be taken to the letter › is refused`, () => {
    const found = faults(`routes: [{ path: "${path}", upstream: "http://a.test" }]`)
    assert.deepEqual(found, ['routes[0].path has a wildcard: a path takes all that is below it'])
  })

test('CONFIG_FILE › several faults in several places › are listed at once', () => {
  const text = 'routes: [{path: a, upstream: x, token: mine}, {path: /b, upstream: "http://b.test", websocket: 1}]' // prettier-ignore
  const places = faults(text).map((line) => line.split(' ', 1)[0])
  assert.deepEqual(places, ['routes[0].path', 'routes[0].upstream[0]', 'routes[0].token', 'routes[1].websocket']) // prettier-ignore
})

test('CONFIG_FILE › ${NAME} and ${file:…} › stand for their texts', () => {
  const text =
    'routes: [{path: "/${P}", upstream: "${file:/run/up}", scope: "openid ${P} $X ${P}"}]'
  const [found] = routesOf(text, { P: 'b' }, { '/run/up': 'http://b.test\n' })
  assert.deepEqual(
    [found?.path, found?.upstreams, found?.scope],
    ['/b', ['http://b.test'], 'openid b $X b'],
  )
})

test('CONFIG_FILE › an unset name and an unreadable file › are errors with their place', () => {
  const text = route('scope: "${NO}", audience: "${file:/no}"')
  assert.deepEqual(faults(text, { NO: '' }).slice(0, 2), [
    'routes[0].scope uses ${NO}, which is not set',
    'routes[0].audience uses ${file:/no}, which cannot be read',
  ])
})

test('CONFIG_FILE › any text in ${NAME} › stays one text and adds no structure', () => {
  const piece = fc.constantFrom('"', "'", ', ', ': ', '\n', 'token', 'none', '}', '{', '[', ']', '#', '${NAME}', '&a', '*a', '$&', '\\') // prettier-ignore
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 20 }).map((pieces) => `x${pieces.join('')}x`),
      (text) => {
        const expected = [{ ...defaults, audience: text }]
        assert.deepEqual(routesOf(route('audience: "${NAME}"'), { NAME: text }), expected)
        const inFile = route('audience: "${file:/f}"')
        assert.deepEqual(routesOf(inFile, {}, { '/f': text }), expected)
      },
    ),
  )
})

/** Six levels of ten aliases each: a million texts from a few. */
const bomb = Array.from({ length: 6 }, (_, i) => `a${i}: &a${i} [${Array(10).fill(i === 0 ? 'x' : `*a${i - 1}`).join(', ')}]`).join('\n') // prettier-ignore
const hostile: readonly (readonly [string, string])[] = [
  ['an alias bomb', bomb],
  ['a list that holds itself', 'routes: &x [*x]'],
  ['an alias of nothing', 'routes: *x'],
  ['100,000 levels of lists', `routes: ${'['.repeat(100_000)}`],
  ['100,000 levels in a block', '- '.repeat(100_000)],
  ['a list as a key', `${route()}\n? [a, b]\n: c`],
  ['bytes that are no text', '\u0000\u0001\u0002'],
]
for (const [name, text] of hostile)
  test(`CONFIG_FILE › ${name} › is refused at once, without a stack`, () => {
    const found = faults(text)
    assert.ok(found.length > 0 && found.length <= 3)
    assert.ok(found.every((line) => line.length < 200 && !/RangeError|TypeError/.test(line)))
  })

test(
  'CONFIG_FILE › a text of beginnings that nothing ends › is as it stands, in no time',
  { timeout: 10_000 },
  () => {
    const text = `routes: [{ path: /api, upstream: "${'${'.repeat(250_000)}" }]`
    assert.match(faults(text).join(), /is not an absolute URL/)
  },
)

test('CONFIG_FILE › an alias bomb › is stopped by its aliases, before it is unpacked', () => {
  assert.match(faults(bomb).join(), /^has aliases/)
})

const leaks = ['- a\nb: SECRET', 'a: [SECRET', route('secret:SECRET'), '? [SECRET]\n: x', 'SECRET', '"SECRET', 'a: {x:SECRET}\nSECRET: [', 'routes: [{path: /a, upstream: "https://a.test", headers: {x:SECRET}, tls: {ca: SECRET}}]', 'routes: [{path: /a, upstream: "http://a.test", headers: {X-A: "{SECRET}"}}]', 'routes: [{path: SECRET, upstream: "SECRET", token: SECRET, methods: [SECRET], limits: {body: SECRET, rate: SECRET}}]'] // prettier-ignore
for (const text of leaks)
  test(`CONFIG_FILE › ${JSON.stringify(text)} › the fault is told without the text`, () => {
    const result = load(...withFile(text.replaceAll('SECRET', 'hunter2')))
    assert.ok(!result.ok)
    assert.doesNotMatch(formatProblems(result.problems), /hunter2/)
  })
