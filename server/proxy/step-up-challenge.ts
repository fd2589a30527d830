import { longestAskedClaims, parseAskedClaims } from '../core/asked-claims.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import type { Challenge } from './challenges.ts'
import { parseChallenges } from './challenges.ts'

/**
 * The stronger login that an API's 401 asks for: RFC 9470 section 3, or Entra's claims challenge. Undefined for one that
 * asks for nothing, or for anything that would not be sent on to a provider as it stands.
 */
export const demandIn = (raw: readonly string[]): StepUpDemand | undefined => {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== 'www-authenticate') continue
    for (const challenge of parseChallenges(raw[i + 1] ?? '')) {
      const demand = demandOf(challenge)
      if (demand !== undefined) return demand
    }
  }
  return undefined
}

const demandOf = ({ scheme, parameters }: Challenge): StepUpDemand | undefined => {
  if (scheme !== 'bearer' && scheme !== 'dpop') return undefined
  const value = (name: string) => parameters.get(name)
  switch (value('error')) {
    case 'insufficient_user_authentication':
      return strongerLogin(value('acr_values'), value('max_age'))
    case 'insufficient_claims':
      return askedClaims(value('claims') ?? '')
    default:
      return undefined
  }
}

const longestAcrValues = 1_024
const mostAcrValues = 10
/** Up to ten years. */
const maxAgeShape = /^\d{1,8}$/
/** A name without blanks; no quote could end it, nor any control character start a new header. */
const acrShape = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/

/** Both are optional; one that is there and not readable spoils the whole. */
const strongerLogin = (
  acr: string | undefined,
  maxAge: string | undefined,
): StepUpDemand | undefined => {
  if (acr === undefined && maxAge === undefined) return undefined
  const acrValues = acr === undefined ? undefined : acrList(acr)
  if (acr !== undefined && acrValues === undefined) return undefined
  if (maxAge !== undefined && !maxAgeShape.test(maxAge)) return undefined
  return { acrValues, maxAgeSeconds: maxAge === undefined ? undefined : Number(maxAge) }
}

const acrList = (text: string): readonly string[] | undefined => {
  if (text.length > longestAcrValues) return undefined
  const values = text.split(' ').filter((value) => value !== '')
  const isSound = values.length > 0 && values.length <= mostAcrValues
  return isSound && values.every((value) => acrShape.test(value)) ? values : undefined
}

const base64Shape = /^[A-Za-z0-9+/_-]+={0,2}$/

/** Entra's `claims`, base64 of JSON. */
const askedClaims = (base64: string): StepUpDemand | undefined => {
  if (base64.length > longestAskedClaims || !base64Shape.test(base64)) return undefined
  const claims = parseAskedClaims(Buffer.from(base64, 'base64').toString('utf8'))
  return claims === undefined ? undefined : { claims }
}
