import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { sign } from 'cookie-signature'
import { loadConfig } from '../../server/config/load.ts'
import { systemClock } from '../../server/core/clock.ts'
import { asIssuer, asSid, asSub, asTenantId, parseSessionId } from '../../server/core/ids.ts'
import type { SessionId } from '../../server/core/ids.ts'
import { silentLog } from '../../server/core/log.ts'
import type { Principal } from '../../server/core/principal.ts'
import { systemRandom } from '../../server/core/random.ts'
import { tokenKey } from '../../server/core/token-set.ts'
import type { ReadyConfig } from '../../server/config/ready-config.ts'
import type { Parts } from '../../server/foundations.ts'
import { foundations, usualStreaming } from '../../server/foundations.ts'
import { providerFetch } from '../../server/oidc/provider-fetch.ts'
import { redisBackend } from '../../server/session/redis-backend.ts'
import { connectRedis } from '../../server/session/redis-client.ts'
import { tokenVault } from '../../server/vault/vault.ts'
import type { BrokerEnv, BrokerOptions } from './broker.ts'
import { brokerEnv } from './broker.ts'
import { randomText, tokenBytes } from './token-sizes.ts'

const atOnce = 250

/**
 * Puts live sessions into Redis as a login does, by the broker's own code: list entries, vault, listing, session. Gives
 * their cookies; `people` says over how many users they are spread.
 */
export const fillSessions = async (
  options: BrokerOptions,
  { count, people = count }: { readonly count: number; readonly people?: number },
): Promise<readonly string[]> => {
  const config = configOf(brokerEnv(options, 1))
  const { redis } = config
  if (redis === undefined) throw new Error('sessions are filled into Redis')
  const backend = redisBackend({
    client: connectRedis(redis, () => undefined),
    prefix: redis.prefix,
    clock: systemClock,
    log: silentLog,
  })
  const powers = {
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    backend,
    providerFetch: providerFetch(),
    draining: () => false,
    streaming: usualStreaming,
  }
  const create = oneLogin(foundations(config, powers), config)
  const cookies: string[] = []
  for (let first = 0; first < count; first += atOnce) {
    const batch = Array.from({ length: Math.min(atOnce, count - first) }, (_, i) =>
      create((first + i) % people),
    )
    cookies.push(...(await Promise.all(batch)))
  }
  await backend.close()
  return cookies
}

const configOf = (env: BrokerEnv): ReadyConfig => {
  const loaded = loadConfig({
    env,
    readFile: (path) => readFileSync(path, 'utf8'),
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
    random: systemRandom,
  })
  if (!loaded.ok) throw new Error(`the bench's settings: ${JSON.stringify(loaded.problems)}`)
  const { tenant } = loaded.config
  if (tenant === undefined) throw new Error('the bench names an issuer')
  return { ...loaded.config, tenant }
}

const oneLogin = (parts: Parts, config: ReadyConfig) => {
  const vault = tokenVault(parts.records)
  const issuer = asIssuer(config.tenant.issuer)
  const [signingSecret] = config.session.secrets
  if (signingSecret === undefined) throw new Error('no signing secret')
  return async (person: number): Promise<string> => {
    const id = newSessionId()
    const createdAtMs = Date.now()
    const principal = principalOf(issuer, person)
    await parts.signOut.enlist(id, principal)
    const { sub, sid, tenant } = principal
    const listing = { issuer, sub, sid, tenant, createdAtMs, agent: '' }
    await Promise.all([
      vault.create(id, vaultContent(createdAtMs)),
      parts.records.create(id, 'listing', listing),
    ])
    await parts.records.create(id, 'session', { principal, createdAtMs })
    return `${parts.names.session}=${encodeURIComponent(`s:${sign(id, signingSecret.reveal())}`)}`
  }
}

const newSessionId = (): SessionId => {
  const id = parseSessionId(randomText(43))
  if (id === undefined) throw new Error('a session id has 43 characters')
  return id
}

const principalOf = (issuer: Principal['issuer'], person: number): Principal => ({
  issuer,
  tenant: asTenantId('default'),
  sub: asSub(`user-${String(person).padStart(8, '0')}`),
  sid: asSid(randomBytes(16).toString('hex')),
  roles: ['orders-read'],
  claims: { name: 'Ada Example', email: 'ada@example.test' },
})

const vaultContent = (nowMs: number) =>
  ({
    refreshToken: randomText(tokenBytes.refresh),
    idToken: randomText(tokenBytes.id),
    sets: {
      [tokenKey({})]: {
        accessToken: randomText(tokenBytes.access),
        tokenType: 'Bearer',
        scope: 'openid profile email',
        obtainedAtMs: nowMs,
        expiresAtMs: nowMs + 7_200_000,
      },
    },
  }) as const
