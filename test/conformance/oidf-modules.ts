import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import type { World } from '../support/world.ts'
import { assertRefusedLogin, authorizationRequest, openCallback } from '../support/login-steps.ts'
import { sendJson } from '../support/plain-http.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import {
  acceptsLogin,
  backchannel,
  logoutEndsAt,
  payloadOf,
  refreshed,
  refusesLogin,
  signWithNewKey,
} from './oidf-steps.ts'

type Json = Record<string, unknown>
/** One module of the suite, played against a world of its own; rejects when the outcome is another. */
export type Module = (world: World) => Promise<unknown>

export const idToken =
  (claims: Json, judge: Module): Module =>
  (world) => {
    world.issuer.script.idTokenClaims = claims
    return judge(world)
  }

export const altered =
  (alter: (token: string, world: World) => string | Promise<string>, judge: Module): Module =>
  (world) => {
    world.issuer.script.alterIdToken = (token) => alter(token, world)
    return judge(world)
  }

export const unsigned = (token: string): string => {
  const header = Buffer.from('{"alg":"none"}').toString('base64url')
  return `${header}.${token.split('.')[1] ?? ''}.`
}

export const bent = (token: string): string => {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  bytes.writeUInt8(bytes.readUInt8(7) ^ 0x5a, 7)
  return `${header}.${payload}.${bytes.toString('base64url')}`
}

export const symmetric = (token: string): Promise<string> =>
  new SignJWT(payloadOf(token))
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(scriptedClient.secret.padEnd(32, '.')))

export const withoutKid = (token: string, { issuer }: World) =>
  issuer.sign(payloadOf(token), { kid: undefined })

export const metadata =
  (change: (world: World) => Json, judge: Module): Module =>
  (world) => {
    world.issuer.script.alterMetadata = (usual) => ({ ...usual, ...change(world) })
    return judge(world)
  }

/** Signed by ES256, and bent. */
export const bentEllipticLogin: Module = async (world) => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'e1', alg: 'ES256', use: 'sig' }
  const { script } = world.issuer
  script.alterKeys = () => [jwk]
  script.alterMetadata = (usual) => ({
    ...usual,
    id_token_signing_alg_values_supported: ['ES256'],
  })
  const sign = (token: string) =>
    new SignJWT({ ...payloadOf(token), at_hash: undefined })
      .setProtectedHeader({ alg: 'ES256', kid: 'e1' })
      .sign(privateKey)
  script.alterIdToken = async (token) => bent(await sign(token))
  await refusesLogin(world)
  script.alterIdToken = sign
  await acceptsLogin(world)
}

export const twoKeys: Module = async (world) => {
  const { publicKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k2', alg: 'RS256', use: 'sig' }
  world.issuer.script.alterKeys = (keys) => [...keys, jwk]
  return await altered(withoutKid, refusesLogin)(world)
}

export const unparseableKeys: Module = async (world) => {
  const unknown = [
    { kty: 'AKP', alg: 'ML-DSA-0', pub: 'AAAA', kid: 'pq' },
    { kty: 'MADE-UP', kid: 'x' },
  ]
  world.issuer.script.alterKeys = (keys) => [...unknown, ...keys]
  return await acceptsLogin(world)
}

export const rotatedBetween: Module = async (world) => {
  await acceptsLogin(world)
  await signWithNewKey(world.issuer)
  await acceptsLogin(world)
}

export const rotatedJustBefore: Module = async (world) => {
  await acceptsLogin(world)
  const { script } = world.issuer
  script.alterIdToken = async (token) => {
    await signWithNewKey(world.issuer)
    return await script.alterIdToken(token)
  }
  await acceptsLogin(world)
}

/** Name, email and roles from the UserInfo endpoint; what the session shows, and how the endpoint was asked. */
export const userInfo = async (world: World, answer: Json, judge: Module, isSigned = false) => {
  const asked: IncomingMessage[] = []
  const { script, sign, issuer } = world.issuer
  script.idTokenClaims = { name: undefined, email: undefined, roles: undefined }
  script.userInfo = async (req, res) => {
    asked.push(req)
    if (!isSigned) return sendJson(res, 200, answer)
    const token = await sign({ iss: issuer, aud: scriptedClient.id, ...answer })
    return res.writeHead(200, { 'Content-Type': 'application/jwt' }).end(token)
  }
  await judge(world)
  assert.equal(asked.length, 1)
  return asked[0]
}

export const showsUserInfo: Module = async (world) => {
  const user = await acceptsLogin(world)
  const { user: shown } = await user.session()
  assert.deepEqual(shown, { sub: 'user-1', name: 'Jane', email: 'jane@example.test' })
}

export const jane = { sub: 'user-1', name: 'Jane', email: 'jane@example.test' }

export const bearerHeader: Module = async (world) => {
  const asked = await userInfo(world, jane, acceptsLogin)
  const sent = (world.upstream.last().headers.authorization ?? '').replace('Bearer ', '')
  assert.deepEqual([asked?.headers.authorization, asked?.method], [`Bearer ${sent}`, 'GET'])
}

export const formPostError: Module = async (world) => {
  const user = world.newBrowser()
  const request = await authorizationRequest(user)
  assert.equal(request.searchParams.get('response_mode'), 'form_post')
  const state = request.searchParams.get('state') ?? ''
  const fields = { error: 'invalid_request', state, iss: world.issuer.issuer }
  const answer = await user.visit('/callback', 'cross-site', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  })
  assertRefusedLogin(answer, 400, 'login_failed')
  assert.equal(world.issuer.tokenRequests.length, 0)
}

export const thirdParty: Module = async (world) => {
  const user = world.newBrowser()
  const target = encodeURIComponent(`${world.origin}/orders`)
  const address = `/login?iss=${encodeURIComponent(world.issuer.issuer)}&target_link_uri=${target}`
  const there = await user.visit(address, 'cross-site')
  assert.equal(there.status, 303, there.text)
  const back = await user.visit(there.headers.location ?? '', 'cross-site')
  const end = await openCallback(user, new URL(back.headers.location ?? ''))
  assert.equal(end.headers.location, '/orders')
}

export const basicClient: Module = async (world) => {
  await acceptsLogin(world)
  const [request] = world.issuer.tokenRequests
  assert.match(request?.authorization ?? '', /^Basic /)
  assert.equal(request?.parameters.get('client_secret'), null)
}

export const sendsNonce: Module = async (world) => {
  const request = await authorizationRequest(world.newBrowser())
  assert.match(request.searchParams.get('nonce') ?? '', /^.{32,64}$/)
}

export const logsOut =
  (
    status: number,
    change: Json = {},
    alter?: (token: string) => string | Promise<string>,
  ): Module =>
  async (world) => {
    assert.equal(await backchannel(world, change, alter), status)
  }

export const refreshes =
  (claims: Json, status: number): Module =>
  async (world) => {
    assert.equal(await refreshed(world, claims), status)
  }

export const comesBackTo =
  (end: string, change?: (back: URL) => void): Module =>
  async (world) => {
    assert.equal(await logoutEndsAt(world, change), end)
  }

export const movedEndpoints: Module = metadata(
  ({ issuer }) => ({ token_endpoint: `${issuer.issuer}/token?moved=1` }),
  async (world) => {
    await acceptsLogin(world)
    assert.ok(world.issuer.paths.includes('/token'))
  },
)

export const movedKeys: Module = metadata(
  ({ issuer }) => ({ jwks_uri: `${issuer.issuer}/jwks?of=this-run` }),
  async (world) => {
    await acceptsLogin(world)
    assert.equal(world.issuer.state.jwksRequests, 1)
  },
)

export const otherIssuer: Module = metadata(
  ({ issuer }) => ({ issuer: `${issuer.issuer}/other` }),
  async (world) => {
    const answer = await world.newBrowser().visit('/login')
    assertRefusedLogin(answer, 503, 'idp_unavailable')
  },
)
