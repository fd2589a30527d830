import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import { secret } from '../core/secret.ts'
import type { RedisSettings, SessionKey } from './config.ts'
import type { Parser } from './parsers.ts'
import { list } from './parsers.ts'

const shortestSecret = 32
const keyBytes = 32
// The last one is the sealing key that the documentation shows.
const placeholder =
  /change-?me|your-|example|the-secret-from|the-new-secret|random-text|MDEyMzQ1Njc4OTAx/i

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

/** One secret that goes over the wire in a header. */
export const headerSecret: Parser<Secret> = (text) => {
  if (!/^[!-~]+$/.test(text)) return err('has a character that no header can carry')
  return text.length < shortestSecret
    ? err(`is shorter than ${shortestSecret} characters`)
    : ok(secret(text))
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
  if (!nodes.every(isRedisUrl)) return notRedis
  // One TLS setting serves all nodes: a plain one among them would not be noticed.
  return new Set(nodes.map((node) => new URL(node).protocol)).size === 1
    ? ok({ nodes: secret(nodes) })
    : err('mixes redis:// and rediss://')
}

const notRedis = err(
  'is not redis://host:port, rediss://host:port or redis+sentinel://host:port/name',
)

const isRedisUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, pathname, username, password } = new URL(text)
  return (
    /^rediss?:$/.test(protocol) &&
    hostname !== '' &&
    /^(?:\/\d*)?$/.test(pathname) &&
    !/%(?![0-9a-f]{2})/i.test(username + password)
  )
}
