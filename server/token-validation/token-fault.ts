/** What is wrong with an access token: for the log, and for the one who sent it. It never holds a part of the token. */
export const tokenFaults = {
  too_large: 'The token is too long',
  malformed: 'The token is not a signed JWT in compact form',
  duplicate_names: 'The token has one name twice',
  extension: 'The token uses an extension that is not known here',
  algorithm: 'The token is signed with an algorithm that is not accepted',
  typ: 'The token is not an access token, by its type',
  not_an_access_token: 'The token is not an access token, by its claims',
  no_key: 'The issuer has no such key',
  signature: 'The signature is wrong',
  issuer: 'The token is of another issuer',
  audience: 'The token is for another audience',
  missing_claim: 'The token lacks a claim that is required',
  expired: 'The token has expired',
  not_yet_valid: 'The token is not valid yet',
  sender_constrained: 'The token may only be used with a proof of its key',
  not_bound: 'The token is not bound to a key',
  opaque: 'The token is opaque, and its issuer has no introspection endpoint',
  inactive: 'The issuer says that the token is not active',
} as const satisfies Record<string, string>

export type TokenFault = keyof typeof tokenFaults
