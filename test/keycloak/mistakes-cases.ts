import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { keycloakLane } from '../support/keycloak.ts'
import type { WorldOptions } from './world.ts'
import { startWorld } from './world.ts'
import { realm } from './shared-realm.ts'
import { asksForPassword } from './person.ts'

/** What keycloak.md says one sees after a mistake in the set-up: the page that a login ends at, or a line of the log. */
type Mistake = {
  readonly name: string
  readonly options: (issuer: string) => WorldOptions
  readonly status: number
  readonly page: RegExp
  readonly log?: RegExp
}

const mistakes: readonly Mistake[] = [
  {
    name: 'another redirect URI is registered',
    options: () => ({ client: (base) => ({ ...base, redirectUris: ['https://app.example/callback'] }) }), // prettier-ignore
    status: 400,
    page: /Invalid parameter: redirect_uri/,
  },
  {
    name: 'a wrong secret',
    options: () => ({ env: { OIDC_CLIENT_SECRET: 'not-the-one' } }),
    status: 400,
    page: /The identity provider answered: unauthorized_client\./,
    log: /Invalid client or Invalid client credentials/,
  },
  {
    name: 'OIDC_ISSUER with a slash at the end',
    options: (issuer) => ({ env: { OIDC_ISSUER: `${issuer}/` } }),
    status: 503,
    page: /idp_unavailable/,
    log: /metadata is of issuer http:[^ ]*\/realms\/latchkey, not of/,
  },
  {
    name: 'a realm that is not there',
    options: (issuer) => ({ env: { OIDC_ISSUER: issuer.replace(/latchkey$/, 'latchkye') } }),
    status: 503,
    page: /idp_unavailable/,
    log: /"status":404.*provider metadata not read/,
  },
  {
    name: 'OIDC_CLIENT_AUTH=client_secret_post where only Basic is allowed',
    options: () => ({ env: { OIDC_CLIENT_AUTH: 'client_secret_post' } }),
    status: 400,
    page: /The identity provider answered: unauthorized_client\./,
  },
]

for (const { name, options, status, page, log } of mistakes)
  test(
    `Keycloak, set up wrongly › ${name} › the page and the log say what keycloak.md explains`,
    keycloakLane(),
    async (t) => {
      const { issuer } = await realm()
      const { instance, newPerson } = await startWorld(t, await realm(), options(issuer))
      const { app, fillIn } = newPerson()
      const first = await app.navigate('/login')
      const last = asksForPassword(first) ? await fillIn(first, 'bob') : first
      assert.equal(last.status, status, last.text)
      assert.match(last.text, page)
      if (log !== undefined) await logged(() => instance(0).lines().join('\n'), log)
    },
  )

const longestMs = 5_000

/** A line is on its way a moment longer than the answer. */
const logged = async (text: () => string, line: RegExp): Promise<void> => {
  const deadlineMs = performance.now() + longestMs
  while (!line.test(text()) && performance.now() < deadlineMs) await sleep(20)
  assert.match(text(), line)
}
