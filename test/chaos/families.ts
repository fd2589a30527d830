import { randomUUID } from 'node:crypto'
import type { Sending } from './history.ts'

/** One login and everything that was ever issued for it. */
export type Family = {
  readonly id: string
  readonly user: string
  alive: boolean
  current: string
  access: AccessToken
  grants: number
}

export type AccessToken = {
  readonly value: string
  readonly family: Family
  readonly lifeMs: number
  readonly expiresMs: number
  replacedMs?: number
}

export type Issued = { readonly access: AccessToken; readonly refreshToken: string }

/** Strict rotation: each refresh token is good once; a second use revokes its family, and its family alone. */
export const families = (lifeMs: () => number) => {
  const all: Family[] = []
  const byRefreshToken = new Map<string, Family>()
  const byAccessToken = new Map<string, AccessToken>()
  const sendings: Sending[] = []
  const counts = { grants: 0, invalidGrants: 0, reuse: 0, revoked: 0 }

  const accessFor = (family: Family): AccessToken => {
    const life = lifeMs()
    const access = {
      value: `at-${family.id}-${family.grants}-${randomUUID()}`,
      family,
      lifeMs: life,
      expiresMs: Date.now() + life,
    }
    byAccessToken.set(access.value, access)
    return access
  }
  const refreshFor = (family: Family): string => {
    const token = `rt-${family.id}-${family.grants}-${randomUUID()}`
    byRefreshToken.set(token, family)
    return token
  }

  const begin = (user: string): Issued => {
    // The tokens name their family, so it comes first.
    const family = { id: String(all.length), user, alive: true, grants: 0 } as Family
    all.push(family)
    family.access = accessFor(family)
    family.current = refreshFor(family)
    return { access: family.access, refreshToken: family.current }
  }

  const rotate = (family: Family): Issued => {
    family.grants += 1
    counts.grants += 1
    family.access.replacedMs = Date.now()
    family.access = accessFor(family)
    family.current = refreshFor(family)
    return { access: family.access, refreshToken: family.current }
  }

  return {
    all,
    sendings,
    counts,
    begin,
    /** Notes that a refresh token has come in; what becomes of it is set later. */
    received: (token: string, broker: number): Sending => {
      const user = byRefreshToken.get(token)?.user ?? 'nobody'
      const sending: Sending = { user, token, broker, atMs: Date.now(), outcome: 'pending' }
      sendings.push(sending)
      return sending
    },
    /** The refresh grant; undefined is `invalid_grant`. */
    refresh: (sending: Sending): Issued | undefined => {
      const family = byRefreshToken.get(sending.token)
      if (family?.alive === true && family.current === sending.token) {
        sending.outcome = 'rotated'
        return rotate(family)
      }
      const isReuse = family?.alive === true
      if (isReuse) family.alive = false
      if (isReuse) counts.reuse += 1
      counts.invalidGrants += 1
      sending.outcome = isReuse ? 'reuse' : 'invalid_grant'
      return undefined
    },
    /** A rotated token revokes nothing any more: whoever has the newest must give it up. */
    revoke: (token: string): void => {
      const family = byRefreshToken.get(token)
      if (family?.current !== token || !family.alive) return
      family.alive = false
      counts.revoked += 1
    },
    accessToken: (value: string) => byAccessToken.get(value),
    living: () => all.filter(({ alive }) => alive).length,
  }
}

export type Families = ReturnType<typeof families>
