declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** The secret in the browser's cookie: 32 random bytes, base64url. Opens the session; never logged, never stored. */
export type SessionId = Branded<'SessionId'>
/** SHA-256 of a session id: the name of its records. Opens nothing. */
export type RecordId = Branded<'RecordId'>
/** The issuer's own name for its session (OpenID Connect Back-Channel Logout 1.0 section 2.1). */
export type Sid = Branded<'Sid'>
export type Sub = Branded<'Sub'>
export type Issuer = Branded<'Issuer'>
export type TenantId = Branded<'TenantId'>

const sessionIdShape = /^[A-Za-z0-9_-]{43}$/

/** A session id when the text has its shape: nothing that an attacker wrote becomes part of a key. */
export const parseSessionId = (text: string): SessionId | undefined =>
  sessionIdShape.test(text) ? (text as SessionId) : undefined

/** Names a value once, at the door where it was checked. */
export const asSid = (text: string): Sid => text as Sid
export const asSub = (text: string): Sub => text as Sub
export const asIssuer = (text: string): Issuer => text as Issuer
export const asTenantId = (text: string): TenantId => text as TenantId
export const asRecordId = (text: string): RecordId => text as RecordId
