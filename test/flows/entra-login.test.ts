import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { loaded } from '../config/loading.ts'
import { startEntra } from '../support/entra.ts'
import { entraClient, personalTid, tidA, tidB } from '../support/entra-facts.ts'
import { startWorld } from '../support/world.ts'
import { limit, personIn, startEntraWorld } from './entra-world.ts'

test(
  'entra › people of two allowed tenants at the shared issuer › each logs in with app roles and groups',
  limit,
  async (t) => {
    const { entra, loggedIn } = await startEntraWorld(t)
    const first = await (await loggedIn()).session()
    assert.deepEqual([first['authenticated'], first['roles']], [true, ['orders-read']])
    entra.script.person = personIn(tidB)
    const second = await (await loggedIn()).session()
    const user = second['user'] as Record<string, unknown>
    assert.deepEqual([user['tid'], second['roles']], [tidB, ['orders-write']])
    assert.deepEqual(user['groups'], ['group-0', 'group-1', 'group-2'])
  },
)

test('entra › the issuer of one tenant › logs in without OIDC_ALLOW', limit, async (t) => {
  const entra = await startEntra()
  t.after(entra.close)
  const { tenant } = loaded({
    OIDC_PROFILE: 'entra',
    OIDC_ISSUER: `${entra.origin}/${tidA}/v2.0`,
    OIDC_CLIENT_ID: entraClient.id,
    OIDC_CLIENT_SECRET: entraClient.secret,
  })
  assert.ok(tenant)
  const world = await startWorld(t, { config: (config) => ({ ...config, tenant }) })
  const user = await world.loggedIn()
  assert.equal((await user.session())['authenticated'], true)
  entra.script.person = personIn(tidB)
  const other = world.newBrowser()
  assert.equal((await other.navigate('/login')).status, 400)
})

type Claims = Record<string, unknown>
type Refusal = {
  readonly name: string
  readonly reason: RegExp
  readonly status?: number
  readonly tid?: string
  readonly signer?: 'personal'
  readonly claims?: (claims: Claims, issuerOf: (tid: string) => string) => Claims
}

const stranger = randomUUID()
const refusals: readonly Refusal[] = [
  {
    name: 'a tenant not allowed',
    tid: stranger,
    status: 403,
    reason: /"login_refused".*"rules":\{"tid":"unmet"\}/,
  },
  {
    name: 'a personal account',
    tid: personalTid,
    status: 403,
    reason: /"login_refused".*"rules":\{"tid":"unmet"\}/,
  },
  {
    name: 'the tid of an allowed tenant under the iss of another',
    reason: /unexpected JWT \\"iss\\"/,
    claims: (claims, issuerOf) => ({ ...claims, iss: issuerOf(stranger) }),
  },
  {
    name: 'no tid, and the template for an iss',
    reason: /"iss\\"|tid is no GUID/,
    claims: (claims, issuerOf) => ({ ...claims, tid: undefined, iss: issuerOf('undefined') }),
  },
  {
    name: 'a tid that is a domain',
    reason: /tid is no GUID/,
    claims: (claims, issuerOf) => ({ ...claims, tid: 'contoso.example', iss: issuerOf('contoso.example') }), // prettier-ignore
  },
  {
    name: 'a tid that is a pattern of replacement',
    reason: /tid is no GUID|"iss\\"/,
    claims: (claims, issuerOf) => ({ ...claims, tid: '$&', iss: issuerOf('{tenantid}') }),
  },
  {
    name: 'an allowed tenant, signed with the key for personal accounts',
    signer: 'personal',
    reason: /signature forged/,
  },
]

for (const { name, reason, status = 400, tid, signer, claims } of refusals)
  test(`entra › ${name} › no login, and the log says why`, limit, async (t) => {
    const { entra, newBrowser, log } = await startEntraWorld(t)
    if (tid !== undefined) entra.script.person = personIn(tid)
    if (signer !== undefined) entra.script.signer = signer
    if (claims !== undefined) entra.script.alterClaims = (usual) => claims(usual, entra.issuerOf)
    const user = newBrowser()
    const page = await user.navigate('/login')
    assert.equal(page.status, status, page.text)
    assert.equal((await user.session())['authenticated'], false)
    assert.match(log(), reason)
  })

test('entra › the same sub in two tenants › two people', limit, async (t) => {
  const { entra, loggedIn, log } = await startEntraWorld(t)
  entra.script.alterClaims = (claims) => ({ ...claims, sub: 'same' })
  await loggedIn()
  entra.script.person = personIn(tidB)
  await loggedIn()
  const issuers = [tidA, tidB].map((tid) => `"issuer":"${entra.issuerOf(tid)}"`)
  for (const issuer of issuers) assert.ok(log().includes(issuer), issuer)
})

for (const [name, groups, isLeftOut] of [
  ['200 groups', 200, false],
  ['201 groups', 201, true],
] as const)
  test(
    `entra › ${name} › ${isLeftOut ? 'groups left out with a line in the log, roles are there' : 'groups are there'}`,
    limit,
    async (t) => {
      const { entra, loggedIn, log } = await startEntraWorld(t)
      entra.script.person = { ...personIn(tidA), groups }
      const session = await (await loggedIn()).session()
      const user = session['user'] as Record<string, unknown>
      assert.equal('groups' in user, !isLeftOut)
      assert.deepEqual(session['roles'], ['orders-write'])
      assert.equal(/"claims":\["groups"\].*left out/.test(log()), isLeftOut)
    },
  )

test(
  'entra › OIDC_ROLES_CLAIM=groups and too many of them › no role, least of all the name of the source',
  limit,
  async (t) => {
    const { entra, loggedIn } = await startEntraWorld(t, { OIDC_ROLES_CLAIM: 'groups' })
    assert.deepEqual((await (await loggedIn()).session())['roles'], ['group-0', 'group-1'])
    entra.script.person = { ...personIn(tidA), groups: 300 }
    assert.deepEqual((await (await loggedIn()).session())['roles'], [])
  },
)

test(
  'entra › a tid: rule and a domain: rule, somebody of that domain in a tenant of their own › not allowed',
  limit,
  async (t) => {
    const { entra, newBrowser } = await startEntraWorld(t, {
      OIDC_ALLOW: `tid:${tidA},domain:contoso.example`,
    })
    entra.script.person = personIn(stranger)
    entra.script.alterClaims = (claims) => ({
      ...claims,
      email: 'ada@contoso.example',
      xms_edov: true,
    })
    const user = newBrowser()
    assert.equal((await user.navigate('/login')).status, 403)
    assert.equal((await user.session())['authenticated'], false)
  },
)

test(
  'entra › OIDC_ALLOW by group, and too many groups for the ID token › not allowed, the source is no group',
  limit,
  async (t) => {
    const { entra, newBrowser } = await startEntraWorld(t, {
      OIDC_ISSUER: '',
      OIDC_ALLOW: 'group:src1',
    })
    entra.script.person = { ...personIn(tidA), groups: 201 }
    assert.equal((await newBrowser().navigate('/login')).status, 403)
  },
)
