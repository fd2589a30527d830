import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JWK } from 'jose'
import { asymmetricAlgorithms } from '../../server/token-validation/algorithms.ts'
import { checkToken } from '../../server/token-validation/check-token.ts'
import { proofFault } from '../../server/token-validation/dpop-proof.ts'
import { keySet } from '../../server/oidc/key-set.ts'
import { profiles } from '../../server/core/profiles.ts'

const claims =
  'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'

/** RFC 7515 appendices A.2 and A.3: signed well, and no access tokens. */
const examples: readonly (readonly [name: string, jwk: JWK, token: string])[] = [
  [
    'RFC 7515 A.2, RS256',
    { kty: 'RSA', e: 'AQAB', n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ' }, // prettier-ignore
    `eyJhbGciOiJSUzI1NiJ9.${claims}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`,
  ],
  [
    'RFC 7515 A.3, ES256',
    { kty: 'EC', crv: 'P-256', x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' }, // prettier-ignore
    `eyJhbGciOiJFUzI1NiJ9.${claims}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
  ],
]

const faultOf = async (token: string, jwk: JWK, nowSeconds: number): Promise<string> => {
  const set = keySet({ keys: [jwk] })
  const find = async (wish: { alg: string }) => {
    const found = await set?.find(wish)
    return found === undefined ? { kind: 'no_key' as const } : { kind: 'key' as const, found }
  }
  // As much of an access token as these are.
  const dialect = {
    ...profiles.generic.accessToken,
    typ: 'compat' as const,
    required: [],
    marks: [{ claim: 'iss' }],
    audienceClaim: 'iss',
  }
  const expected = { issuer: 'joe', audiences: ['joe'], dialect, toleranceSeconds: 0 }
  const nowMs = () => nowSeconds * 1_000
  const deps = { keys: { find }, algorithms: asymmetricAlgorithms, nowMs }
  const checked = await checkToken(token, expected, deps)
  if (checked.ok) return 'passes'
  return checked.reason.kind === 'fault' ? checked.reason.fault : checked.reason.kind
}

for (const [name, jwk, token] of examples)
  test(`vector › ${name} › its signature is good until its end, and no other letter will do`, async () => {
    assert.equal(await faultOf(token, jwk, 1_300_819_379), 'passes')
    assert.equal(await faultOf(token, jwk, 1_300_819_380), 'expired')
    const [head = '', body = '', signature = ''] = token.split('.')
    const other = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    assert.equal(await faultOf(`${head}.${body}.${other}`, jwk, 1_300_819_379), 'signature')
  })

test("vector › RFC 7515 A.1 and A.5, HS256 and none › are refused before any key's turn", async () => {
  const [, [, jwk]] = examples as readonly [unknown, (typeof examples)[number]]
  const hmac = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${claims}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`
  assert.equal(await faultOf(hmac, jwk, 1_300_000_000), 'algorithm')
  assert.equal(await faultOf(`eyJhbGciOiJub25lIn0.${claims}.`, jwk, 1_300_000_000), 'malformed')
})

/** RFC 9449 section 7.1, with the thumbprint of section 6.1. */
const resource = {
  proof:
    'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA',
  accessToken: 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU',
  thumbprint: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
  method: 'GET',
  address: '/protectedresource',
}

test('vector › RFC 9449 section 7.1, a proof for a resource (DPOP-7-a) › is good there and then', async () => {
  const at = (seconds: number) => ({
    origins: ['https://resource.example.org'],
    algorithms: asymmetricAlgorithms,
    maxAgeSeconds: 60,
    nowMs: () => seconds * 1_000,
    isNew: () => true,
  })
  assert.equal(await proofFault(resource, at(1_562_262_618)), undefined)
  assert.equal(await proofFault(resource, at(1_562_262_700)), 'proof_time')
  const stolen = { ...resource, thumbprint: 'x' }
  assert.equal(await proofFault(stolen, at(1_562_262_618)), 'proof_other_key')
})
