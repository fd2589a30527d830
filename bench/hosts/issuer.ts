import { decodeJwt } from 'jose'
import { startScriptedIssuer } from '../../test/support/scripted-issuer.ts'
import { paddedToken, randomText, tokenBytes } from '../world/token-sizes.ts'

/** An issuer whose tokens are as large as Keycloak's, and live longer than the run. */
const issuer = await startScriptedIssuer()

const paddedIdToken = async (token: string): Promise<string> => {
  // The access token it speaks of is padded after the hash was made: no hash, then.
  const claims = { ...decodeJwt(token), at_hash: undefined }
  const bare = await issuer.sign({ ...claims, padding: '' })
  return await issuer.sign({
    ...claims,
    padding: randomText(Math.floor(((tokenBytes.id - bare.length) * 3) / 4)),
  })
}

issuer.script.accessTokenSeconds = 7_200
issuer.script.alterIdToken = paddedIdToken
issuer.script.alterTokenAnswer = (answer) => ({
  ...answer,
  access_token: paddedToken(String(answer['access_token']), tokenBytes.access),
  refresh_token: paddedToken(String(answer['refresh_token']), tokenBytes.refresh),
})
process.stdout.write(`${JSON.stringify({ origin: issuer.issuer })}\n`)
