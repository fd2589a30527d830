import { randomBytes } from 'node:crypto'

/** What a Keycloak of today issues for a user with a handful of roles. */
export const tokenBytes = { access: 1_034, refresh: 737, id: 982 } as const

/** Text of base64url's alphabet: no compression makes it smaller than a real token would become. */
export const randomText = (bytes: number): string =>
  randomBytes(bytes).toString('base64url').slice(0, Math.max(0, bytes))

/** A token made up to its size. */
export const paddedToken = (token: string, bytes: number): string =>
  token + randomText(bytes - token.length)
