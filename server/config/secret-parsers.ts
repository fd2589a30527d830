import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import { secret } from '../core/secret.ts'
import type { JsonObject, RedisSettings, SessionKey } from './config.ts'
import type { Parser } from './parsers.ts'
import { list } from './parsers.ts'

const shortestSecret = 32
const keyBytes = 32
const placeholder = /change-?me|your-|example|the-secret-from|random-text/i

/** Whether a secret is the text that documentation shows. */
export const isPlaceholder = (text: string): boolean => placeholder.test(text)

/** Cookie-signing secrets, newest first. */
export const signingSecrets: Parser<readonly Secret[]> = (text) => {
  const parts = list(text)
  if (!parts.ok) return parts
  if (parts.value.some((part) => part.length < shortestSecret))
    return err(`has a secret shorter than ${shortestSecret} characters`)
  if (new Set(parts.value).size < parts.value.length) return err('has the same secret twice')
  return ok(parts.value.map((part) => secret(part)))
}

/** Sealing keys, newest first. */
export const sealingKeys: Parser<readonly SessionKey[]> = (text) => {
  const parts = list(text)
  if (!parts.ok) return parts
  const keys = parts.value.map(sealingKey)
  const wrong = keys.find((key) => !key.ok)
  if (wrong?.ok === false) return wrong
  const found = keys.flatMap((key) => (key.ok ? [key.value] : []))
  return new Set(found.map(({ kid }) => kid)).size < found.length
    ? err('has the same kid twice')
    : ok(found)
}

const sealingKey = (text: string): Result<SessionKey, string> => {
  const [, kid, base64 = ''] = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/_-]+={0,2})$/.exec(text) ?? []
  if (kid === undefined) return err('is not kid:base64, with a kid of letters, digits, _ and -')
  const key = Buffer.from(base64, 'base64')
  return key.length === keyBytes
    ? ok({ kid, key: secret(key) })
    : err(`has a key that is not ${keyBytes} bytes in base64`)
}

/** Private JWKs: an array, or a JWK set. */
export const privateKeys: Parser<Secret<readonly JsonObject[]>> = (text) => {
  const keys = keysOf(text)
  if (keys === undefined || keys.length === 0)
    return err('is not a JSON array of JWKs, nor a JWK set')
  const bad = keys.some(
    (key) => !['RSA', 'EC', 'OKP'].includes(String(key['kty'])) || !('d' in key),
  )
  return bad ? err('has a key that is not a private RSA, EC or OKP key') : ok(secret(keys))
}

const keysOf = (text: string): readonly JsonObject[] | undefined => {
  try {
    const parsed: unknown = JSON.parse(text)
    const keys: unknown = isObject(parsed) ? parsed['keys'] : parsed
    return Array.isArray(keys) && keys.every(isObject) ? keys : undefined
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export type RedisAddress = Pick<RedisSettings, 'nodes' | 'sentinel'>

/** `redis://…`, `rediss://…`, several with commas, or `redis+sentinel://host:port,host:port/name`. */
export const redisAddress: Parser<RedisAddress> = (text) => {
  const sentinel = /^redis\+sentinel:\/\/(?:([^@/]*)@)?([^/@]+)\/([A-Za-z0-9._-]+)$/.exec(text)
  if (sentinel !== null) {
    const [, user, hosts = '', name = ''] = sentinel
    const prefix = user === undefined ? '' : `${user}@`
    const nodes = hosts.split(',').map((host) => `redis://${prefix}${host}`)
    return nodes.every(isRedisUrl) ? ok({ nodes: secret(nodes), sentinel: { name } }) : notRedis
  }
  const nodes = text.split(',').map((node) => node.trim())
  return nodes.every(isRedisUrl) ? ok({ nodes: secret(nodes) }) : notRedis
}

const notRedis = err(
  'is not redis://host:port, rediss://host:port or redis+sentinel://host:port/name',
)

const isRedisUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, pathname } = new URL(text)
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^(?:\/\d*)?$/.test(pathname)
}
