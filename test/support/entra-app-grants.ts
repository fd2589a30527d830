import { randomUUID } from 'node:crypto'
import type { entraAnswers } from './entra-facts.ts'
import { entraClient, resourcesIn } from './entra-facts.ts'

export const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** The access tokens that people logged in for, each with the scope it was issued for. */
export const userTokens = () => {
  const scopes = new Map<string, string>()
  return {
    issue: (scope: string): string => {
      const token = `EwB4${randomUUID()}`
      scopes.set(token, scope)
      return token
    },
    scopeOf: (token: string): string | undefined => scopes.get(token),
  }
}

export type UserTokens = ReturnType<typeof userTokens>

type Answer = Record<string, unknown> | keyof typeof entraAnswers

/**
 * The two grants by which an app gets a token without a browser; undefined for any other.
 * …/v2-oauth2-client-creds-grant-flow, and …/v2-oauth2-on-behalf-of-flow.
 */
export const appGrant = (
  parameters: URLSearchParams,
  { scopeOf }: UserTokens,
  lifeSeconds: () => number,
): Answer | undefined => {
  const granted = (): Answer => {
    const seconds = lifeSeconds()
    const token = { access_token: `EwA${randomUUID()}`, token_type: 'Bearer' }
    return { ...token, expires_in: seconds, ext_expires_in: seconds }
  }
  const scope = parameters.get('scope') ?? ''
  switch (parameters.get('grant_type')) {
    case 'client_credentials':
      if (scope === '') return 'noScope'
      return scope.endsWith('/.default') ? granted() : 'noDefault'
    case jwtBearer:
      if (scope === '' || parameters.get('requested_token_use') !== 'on_behalf_of') return 'noScope'
      if (resourcesIn(scope) > 1) return 'twoResources'
      return isForUs(scopeOf(parameters.get('assertion') ?? ''))
        ? { ...(granted() as Record<string, unknown>), scope }
        : 'otherAudience'
    default:
      return undefined
  }
}

/** A token's audience is the resource that its scope named; ours is the app itself. */
const isForUs = (scope: string | undefined): boolean =>
  scope?.split(' ').some((part) => part.startsWith(`api://${entraClient.id}/`)) === true
