import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loaded, problems } from './loading.ts'

const file = (more: string) => ({
  'routes.yaml': `routes: [{path: /a, upstream: "http://a.test", verify_token: true${more}}]`,
})
const env = { CONFIG_FILE: 'routes.yaml' }
const provider = {
  OIDC_ISSUER: 'https://id.example',
  OIDC_CLIENT_ID: 'bff',
  OIDC_CLIENT_SECRET: 'sesame',
}

const named: readonly (readonly [name: string, more: string, env: Record<string, string>])[] = [
  ['audience of the route', ', audience: orders', {}],
  ['resource of the route', ', resource: "https://orders.example"', {}],
  ['OIDC_AUDIENCE', '', { ...provider, OIDC_AUDIENCE: 'orders' }],
  ['OIDC_RESOURCE', '', { ...provider, OIDC_RESOURCE: 'https://orders.example' }],
]
for (const [name, more, further] of named)
  test(`CONFIG_FILE › verify_token with ${name} › is taken`, () => {
    assert.equal(loaded({ ...env, ...further }, file(more)).routes[0]?.verifyToken, true)
  })

const refused: readonly (readonly [name: string, more: string, fault: string])[] = [
  [
    'with no audience anywhere',
    '',
    'needs to know whom the token is for, and the route has no audience',
  ],
  [
    'with token: none',
    ', token: none',
    'is for routes that send a token, and this one has token: none',
  ],
]
for (const [name, more, fault] of refused)
  test(`CONFIG_FILE › verify_token ${name} › is refused with its place`, () => {
    assert.deepEqual(problems({ ...env, ...provider }, file(more)), [`CONFIG_FILE routes[0].verify_token ${fault}`]) // prettier-ignore
  })
