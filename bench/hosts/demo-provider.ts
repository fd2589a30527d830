import { startDemoProvider } from '../../server/demo/provider.ts'

/** The demo's OpenID Provider for the client whose origin and redirect URI are given. */
const [, , origin = '', redirectUri = '', clientSecret = ''] = process.argv
const provider = await startDemoProvider({
  redirectUri,
  postLogoutRedirectUri: origin,
  clientId: 'peer',
  clientSecret,
  apiAudience: 'urn:bench:api',
  accessTokenSeconds: 7_200,
})
process.stdout.write(`${JSON.stringify({ origin: provider.issuer })}\n`)
