import type { Configuration } from 'openid-client'
import { ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client'

/** Runs a call as this client, with the secret that the provider takes. */
export type AsClient = <T>(call: (configuration: Configuration) => Promise<T>) => Promise<T>

/** Which of a client's secrets the provider took last; shared by all that is known of one provider. */
export type SecretInUse = { index: number }

/**
 * During a rotation of the client's secret the other one is tried, once, when the provider does not know the client by the first;
 * the one that it takes comes first from then on.
 *
 * A client is authenticated before its grant is looked at (RFC 6749 section 3.2.1): a refresh token or code that came with the
 * wrong secret is not used up, so sending it again is no reuse.
 */
export const eitherSecret =
  (configurations: readonly Configuration[], inUse: SecretInUse): AsClient =>
  async (call) => {
    const tried = inUse.index % configurations.length
    const other = (tried + 1) % configurations.length
    try {
      return await call(at(configurations, tried))
    } catch (error) {
      if (other === tried || !isUnknownClient(error)) throw error
    }
    try {
      const result = await call(at(configurations, other))
      inUse.index = other
      return result
    } catch (error) {
      if (error instanceof ResponseBodyError && !isUnknownClient(error)) inUse.index = other
      throw error
    }
  }

const at = (configurations: readonly Configuration[], index: number): Configuration => {
  const configuration = configurations[index]
  if (configuration === undefined) throw new RangeError('a client has one way of proof at least')
  return configuration
}

/** `invalid_client`, or the 401 with a challenge that goes with it (RFC 6749 section 5.2), which hides the body. */
const isUnknownClient = (error: unknown): boolean =>
  error instanceof ResponseBodyError
    ? error.error === 'invalid_client'
    : error instanceof WWWAuthenticateChallengeError && error.status === 401
