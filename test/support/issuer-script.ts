import type { IncomingMessage, ServerResponse } from 'node:http'

export type TokenRequest = {
  readonly grantType: string
  readonly parameters: URLSearchParams
  readonly authorization: string | undefined
}

type Json = Record<string, unknown>

/** What a test may change; each knob is read at every request. */
export type IssuerScript = {
  accessTokenSeconds: number
  /** The issuer's clock. */
  nowMs: () => number
  /** Claims over the default ones; undefined takes a claim away. */
  idTokenClaims: Json
  alterIdToken: (token: string) => string | Promise<string>
  alterKeys: (keys: readonly Json[]) => readonly Json[]
  /** Changes the token answer; `grant_type` tells which. */
  alterTokenAnswer: (answer: Json, grantType: string) => Json
  /** Answers a token request instead of the issuer; true when it did. */
  interceptToken: (req: TokenRequest, res: ServerResponse) => boolean | Promise<boolean>
  /** Answers a request for metadata or keys instead of the issuer; true when it did. */
  interceptPublic: (path: string, res: ServerResponse) => boolean
  /** The UserInfo endpoint; the metadata names it only when it is set. */
  userInfo: ((req: IncomingMessage, res: ServerResponse) => unknown) | undefined
  /** The client's secrets that are good now. */
  clientSecrets: readonly string[]
  /** Other clients than the one, with the same secrets. */
  furtherClients: readonly string[]
  /** Answers a revocation request instead of the issuer; true when it did. */
  interceptRevocation: (res: ServerResponse) => boolean
  alterMetadata: (metadata: Json) => Json
  /** Changes the redirect back to the client. */
  alterCallback: (url: URL) => URL
  /** Before any answer of the token endpoint. */
  delayMs: number
  subject: string
}
