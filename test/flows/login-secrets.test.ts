import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Answer, Browser } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import { capturedLog } from '../support/captured-log.ts'
import { openCallback, pendingCallback } from '../support/login-steps.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import type { World } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

/** A world whose secrets are all on a list: tokens, verifiers, codes, states, cookies, the client's secret. */
const watchedWorld = async (t: TestContext) => {
  const captured = capturedLog()
  const world = await startWorld(t, { log: captured.log })
  const tokens = new Set<string>()
  const { script } = world.issuer
  script.alterTokenAnswer = (answer) => {
    for (const name of ['access_token', 'refresh_token', 'id_token'])
      tokens.add(String(answer[name]))
    return answer
  }
  const sent = (name: string) =>
    world.issuer.tokenRequests.map(({ parameters }) => parameters.get(name) ?? '').filter(Boolean)
  const secrets = (): string[] => [
    ...tokens,
    ...[...tokens].flatMap((token) => token.split('.').slice(1)),
    ...sent('code_verifier'),
    scriptedClient.secret,
    encodeURIComponent(scriptedClient.secret),
  ]
  return { world, captured, secrets, codes: () => sent('code') }
}

const assertFree = (text: string, secrets: readonly string[], where: string): void => {
  assert.ok(secrets.length > 4)
  for (const secret of secrets) assert.ok(!text.includes(secret), `${where} shows ${secret}`)
}

const whole = (answer: Answer): string => `${JSON.stringify(answer.headers)}\n${answer.text}`

/** Login, session, call, refresh, step-up, refused login, logout: every answer of the broker on the way. */
const journey = async ({ origin, issuer, clock }: World, user: Browser): Promise<Answer[]> => {
  const answers: Answer[] = []
  const keep = async (answer: Promise<Answer>) => {
    answers.push(await answer)
    return await answer
  }
  await keep(user.visit('/'))
  const login = await keep(user.visit('/login?return_to=/orders'))
  const callback = (await send(login.headers.location ?? '')).headers.location ?? ''
  await keep(user.visit(callback, 'cross-site'))
  await keep(user.visit(callback, 'cross-site'))
  await keep(user.call('/session'))
  await keep(user.call('/api/x'))
  clock.advance(280)
  await keep(user.call('/api/x'))
  clock.advance(60)
  await keep(user.call('/api/x', { method: 'POST', headers: await user.csrf() }))
  await keep(user.call('/api/x', { method: 'POST' }))
  issuer.script.idTokenClaims = { nonce: 'wrong' }
  await keep(openCallback(user, await pendingCallback(user, '/login?prompt=login')))
  await keep(user.visit('/logout?sid=wrong', 'same-origin'))
  await keep(user.visit('/nothing-here.txt'))
  const left = await keep(user.call('/logout', { method: 'POST', headers: await user.csrf() }))
  await keep(user.call('/session'))
  await keep(user.call('/api/x'))
  await keep(user.visit('/livez'))
  await keep(user.visit('/readyz'))
  const end = await user.visit(String(left.json()['redirect_to']), 'same-origin')
  assert.ok(end.headers.location?.startsWith(`${issuer.issuer}/logout?`))
  await keep(send(`${origin}/logout/callback?state=x`))
  return answers
}

test('login › the whole journey › no token, verifier or secret in any answer but id_token_hint (C14, BBA-6.1-a, SBCP-4.3-a)', async (t) => {
  const { world, secrets } = await watchedWorld(t)
  const user = world.newBrowser()
  const answers = await journey(world, user)
  assert.equal(answers.length, 18)
  for (const answer of answers) assertFree(whole(answer), secrets(), answer.url)
  const hint = world.issuer.grants('refresh_token')
  assert.ok(hint >= 1)
})

test('login › the whole journey › no token, code, state, cookie or secret in the log (R30)', async (t) => {
  const { world, captured, secrets, codes } = await watchedWorld(t)
  const user = world.newBrowser()
  const answers = await journey(world, user)
  const states = answers.flatMap(({ headers }) => {
    const address = headers.location ?? ''
    return URL.canParse(address) ? (new URL(address).searchParams.get('state') ?? []) : []
  })
  const cookies = answers.flatMap(({ headers }) =>
    (headers['set-cookie'] ?? []).flatMap((line) => /^\w+=([^;]{20,})/.exec(line)?.[1] ?? []),
  )
  assert.ok(states.length > 0 && cookies.length > 1 && codes().length > 1)
  const log = captured.text()
  assert.match(log, /login finished/)
  assertFree(log, [...secrets(), ...codes(), ...states, ...cookies], 'the log')
})

const failures: Record<string, (world: World) => void> = {
  'a token answer of another type': ({ issuer: { script } }) => {
    const watch = script.alterTokenAnswer
    script.alterTokenAnswer = (answer, type) => ({ ...watch(answer, type), token_type: 'mac' })
  },
  'an ID token of another audience': ({ issuer: { script } }) => {
    script.idTokenClaims = { aud: 'other' }
  },
  'a second audience': ({ issuer: { script } }) => {
    script.idTokenClaims = { aud: [scriptedClient.id, 'other'] }
  },
  'an ID token that is none': ({ issuer: { script } }) => {
    script.alterIdToken = (token) => `x.${token}`
  },
  'a body that is no JSON': ({ issuer: { script } }) => {
    script.interceptToken = ({ parameters }, res) => {
      res.end(`<p>${parameters.toString()}</p>`)
      return true
    }
  },
  'a refusal that repeats the request': ({ issuer: { script } }) => {
    script.interceptToken = ({ parameters }, res) => {
      const error_description = parameters.toString()
      res.writeHead(400, { 'Content-Type': 'application/json' })
      res.end(JSON.stringify({ error: 'invalid_request', error_description }))
      return true
    }
  },
  'an error in the callback': ({ issuer: { script } }) => {
    script.alterCallback = (url) => {
      url.searchParams.set('error', 'access_denied')
      url.searchParams.set('error_description', `\u001b[31m\r\n${url.search}`)
      return url
    }
  },
}

for (const [name, bend] of Object.entries(failures))
  test(`callback › fails by ${name} › the log says why, without token, code, state or claim (R30)`, async (t) => {
    const { world, captured, secrets, codes } = await watchedWorld(t)
    bend(world)
    const user = world.newBrowser()
    const callback = await pendingCallback(user)
    const answer = await openCallback(user, callback)
    assert.ok(answer.status === 400 || answer.status === 503)
    const private_ = ['code', 'state'].map((key) => callback.searchParams.get(key) ?? '')
    const hidden = [...secrets(), ...codes(), ...private_, 'ada@example.test', 'Ada Example']
    assertFree(captured.text(), hidden, 'the log')
    assertFree(whole(answer), hidden, 'the answer')
    assert.match(captured.text(), /login failed|request failed/)
    assert.match(captured.text(), new RegExp(String(answer.headers['x-request-id'])))
    assert.doesNotMatch(captured.text(), /\u001b|\r/)
  })
