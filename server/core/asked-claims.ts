import { isJsonObject } from './json-object.ts'

/** What is longer was not asked for by any API. */
export const longestAskedClaims = 4_096
const mostClaims = 20
const claimNameShape = /^[A-Za-z0-9_.:/-]{1,128}$/
const claimTextShape = /^[\x20-\x7e]{1,256}$/

/**
 * A `claims` request parameter that comes from elsewhere than our settings, made anew from what was understood of it; undefined for
 * any other text. It may ask for claims of the access token alone: the ID token says who is logged in, and nobody else has a say in that.
 * OpenID Connect Core 1.0 section 5.5.
 */
export const parseAskedClaims = (json: string): string | undefined => {
  if (json.length > longestAskedClaims) return undefined
  const { access_token: asked, ...others } = members(parsed(json)) ?? {}
  const claims = members(asked)
  if (claims === undefined || Object.keys(others).length > 0) return undefined
  const names = Object.keys(claims)
  const isSound = names.length > 0 && names.length <= mostClaims
  if (!isSound || !Object.entries(claims).every(isClaimRequest)) return undefined
  return JSON.stringify({ access_token: claims })
}

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

const members = (value: unknown) => (isJsonObject(value) ? value : undefined)

const isText = (value: unknown): boolean => typeof value === 'string' && claimTextShape.test(value)

/** One claim as a request may have it. OpenID Connect Core 1.0 section 5.5.1. */
const isClaimRequest = ([name, request]: readonly [string, unknown]): boolean => {
  if (!claimNameShape.test(name)) return false
  if (request === null) return true
  const {
    essential = false,
    value = 'x',
    values = ['x'],
    ...others
  } = members(request) ?? { no: 1 }
  return (
    typeof essential === 'boolean' &&
    isText(value) &&
    Array.isArray(values) &&
    values.length <= mostClaims &&
    values.every(isText) &&
    Object.keys(others).length === 0
  )
}
