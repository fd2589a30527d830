import { isJsonObject } from '../core/json-object.ts'
import type { Algorithm } from './algorithms.ts'
import { pinned } from './algorithms.ts'
import type { Claims } from './compact-token.ts'
import type { ProofFault } from './dpop-proof.ts'
import { proofFault } from './dpop-proof.ts'
import type { Presented, Scheme, TokenRequest } from './presented-token.ts'
import { addressOf, headerOf, timesSent } from './presented-token.ts'
import { proofMemory } from './proof-memory.ts'
import type { TokenFault } from './token-fault.ts'

/** How callers prove that a token is theirs. RFC 9449. */
export type DpopOptions = {
  /** Whether a token that is bound to no key is refused. */
  readonly required?: boolean | undefined
  /** The origins that callers know this service by, such as `https://orders.example`: proofs name them. */
  readonly origin: string | readonly string[]
  readonly algorithms?: readonly Algorithm[] | undefined
  readonly maxAgeSeconds?: number | undefined
  /** For several processes: true, once, for a key that nobody has remembered; remembers it until then. */
  readonly remember?: ((key: string, untilMs: number) => boolean | Promise<boolean>) | undefined
}

export type PossessionFault =
  | { readonly kind: 'token'; readonly fault: TokenFault }
  | { readonly kind: 'proof'; readonly fault: ProofFault | 'proof_missing' }

export type Possession = {
  readonly schemes: readonly Scheme[]
  readonly fault: (
    request: TokenRequest,
    held: Presented & { readonly claims: Claims },
  ) => Promise<PossessionFault | undefined>
}

/** Whether who sends a token may: a bound one needs a proof, whatever scheme it comes under. RFC 9449 section 7. */
export const possession = (options: DpopOptions | undefined, nowMs: () => number): Possession => {
  const proofs = options && proofDeps(options, nowMs)
  return {
    schemes: schemesOf(options),
    fault: async (request, { scheme, token, claims }) => {
      const binding = bindingOf(claims)
      if (scheme === 'Bearer' || proofs === undefined)
        // Stolen, it would be as good as a bearer token otherwise (RFC 9449 section 7.2); a certificate is not looked at here.
        return binding === undefined ? undefined : { kind: 'token', fault: 'sender_constrained' }
      const thumbprint = binding?.['jkt']
      if (typeof thumbprint !== 'string') return { kind: 'token', fault: 'not_bound' }
      const proof = headerOf(request, 'dpop')
      if (proof === undefined || timesSent(request, 'dpop') > 1)
        return { kind: 'proof', fault: 'proof_missing' }
      const { method = 'GET' } = request
      const asked = { proof, accessToken: token, thumbprint, method, address: addressOf(request) }
      const fault = await proofFault(asked, proofs)
      return fault && { kind: 'proof', fault }
    },
  }
}

const schemesOf = (options: DpopOptions | undefined): readonly Scheme[] => {
  if (options === undefined) return ['Bearer']
  return options.required === true ? ['DPoP'] : ['Bearer', 'DPoP']
}

const proofDeps = (options: DpopOptions, nowMs: () => number) => {
  const { origin, maxAgeSeconds = 60, remember = proofMemory(nowMs) } = options
  return {
    // As a URL parser writes them: lower case, no default port.
    origins: [origin].flat().map((one) => new URL(one).origin),
    algorithms: pinned(options.algorithms),
    maxAgeSeconds,
    nowMs,
    isNew: remember,
  }
}

/** RFC 7800 section 3.1; what is no object binds to something that nobody can check. */
const bindingOf = ({ cnf }: Claims): Claims | undefined => {
  if (cnf === undefined) return undefined
  return isJsonObject(cnf) ? cnf : {}
}
