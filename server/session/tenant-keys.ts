import { createHmac, hkdfSync } from 'node:crypto'
import type { SessionKey } from '../config/config.ts'
import type { TenantId } from '../core/ids.ts'
import type { Secret } from '../core/secret.ts'
import { secret } from '../core/secret.ts'
import type { Backend } from './backend.ts'

/** Its keys are the settings' own: sessions from before there were tenants go on. */
const rootTenant = 'default'

export type SessionSecrets = {
  readonly secrets: readonly Secret[]
  readonly keys: readonly SessionKey[]
}

/**
 * The secrets of one tenant, made from those of the settings. What one tenant signed, hashed or sealed (cookies, CSRF tokens, logout
 * links, step-ups, logins under way, records, names of lists) is to another a stranger's: no comparison that somebody forgets
 * keeps them apart.
 */
export const tenantSecrets = (
  { secrets, keys }: SessionSecrets,
  tenant: TenantId,
): SessionSecrets => {
  if (tenant === rootTenant) return { secrets, keys }
  const info = `latchkey tenant 1 ${tenant}`
  return {
    secrets: secrets.map((one) =>
      secret(createHmac('sha256', one.reveal()).update(info).digest('base64url')),
    ),
    keys: keys.map(({ kid, key }) => ({
      kid,
      key: secret(Buffer.from(hkdfSync('sha256', key.reveal(), '', info, 32))),
    })),
  }
}

/**
 * The store as one tenant has it: what is kept under a name that comes from outside (a login's state, a logout token's id) lies in a
 * space of its own, so that nobody takes or uses up another tenant's. Records have names that nobody can guess.
 */
export const tenantBackend = (backend: Backend, tenant: TenantId): Backend => {
  if (tenant === rootTenant) return backend
  const own = (name: string): string => `tenant ${tenant} ${name}`
  return {
    ...backend,
    putLogin: (owner, state, login) => backend.putLogin(own(owner), state, login),
    takeLogin: (owner, state) => backend.takeLogin(own(owner), state),
    put: (key, value, ttlMs) => backend.put(own(key), value, ttlMs),
    take: (key) => backend.take(own(key)),
    peek: (key) => backend.peek(own(key)),
    putOnce: (key, ttlMs) => backend.putOnce(own(key), ttlMs),
    addToList: (list, id, lifeMs) => backend.addToList(own(list), id, lifeMs),
    listed: (list) => backend.listed(own(list)),
    raiseMark: (mark, value, ttlMs) => backend.raiseMark(own(mark), value, ttlMs),
    markOf: (mark) => backend.markOf(own(mark)),
  }
}
