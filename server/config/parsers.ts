import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'

/** A setting's text as a value, or what is wrong with it in words that never repeat the text. */
export type Parser<T> = (text: string) => Result<T, string>

/** A whole number within bounds. */
export const integer =
  (min: number, max: number): Parser<number> =>
  (text) => {
    const value = Number(text)
    return /^\d{1,15}$/.test(text) && value >= min && value <= max
      ? ok(value)
      : err(`is not a whole number from ${min} to ${max}`)
  }

/** One of a few words. */
export const oneOf =
  <const T extends string>(words: readonly T[]): Parser<T> =>
  (text) => {
    const word = words.find((known) => known === text)
    return word === undefined ? err(`is none of ${words.join(', ')}`) : ok(word)
  }

export const list: Parser<readonly string[]> = (text) => {
  const parts = text.split(',').map((part) => part.trim())
  return parts.includes('') ? err('has an empty part between commas') : ok(parts)
}

const loopbackHosts = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** Whether a URL stays on this machine: there, and only there, plain http is for development. */
export const isLoopback = (url: URL): boolean => loopbackHosts.test(url.hostname)

/** An http or https URL without credentials. */
export const httpUrl: Parser<URL> = (text) => {
  // The URL parser drops line breaks, so that the text and what is meant by it would differ.
  if (/\s/.test(text)) return err('has white space in it')
  if (!URL.canParse(text)) return err('is not an absolute URL')
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return err('is not http or https')
  return url.username === '' && url.password === ''
    ? ok(url)
    : err('has a user or a password in it')
}

/** Scheme, host and port, and nothing behind them. */
export const origin: Parser<string> = (text) => {
  const url = httpUrl(text)
  if (!url.ok) return url
  const { pathname, search, hash } = url.value
  return pathname === '/' && search === '' && hash === '' && !/[?#]$/.test(text)
    ? ok(url.value.origin)
    : err('has a path, a query or a fragment: give scheme, host and port alone')
}

/** An issuer, byte for byte as given: it is compared by simple string (OpenID Connect Discovery 1.0 section 4.3). */
export const issuer: Parser<string> = (text) => {
  const url = httpUrl(text)
  if (!url.ok) return url
  if (/[?#]/.test(text)) return err('has a query or a fragment')
  if (text.includes('/.well-known/'))
    return err("is the metadata's address: the issuer is what stands before /.well-known/")
  return url.value.protocol === 'https:' || isLoopback(url.value)
    ? ok(text)
    : err('is plain http: an issuer is https (on this machine itself, http will do in development)')
}

/** RFC 8707 section 2: absolute, no fragment. */
export const resource: Parser<string> = (text) =>
  URL.canParse(text) && !text.includes('#')
    ? ok(text)
    : err('is not an absolute URI without fragment')

/** Scopes with `openid` among them: without it there is no ID token. */
export const scope: Parser<string> = (text) => {
  const parts = text.split(' ').filter((part) => part !== '')
  return parts.includes('openid') ? ok(parts.join(' ')) : err('lacks the scope openid')
}

const ownAuthParameters =
  /^(?:response_type|response_mode|client_id|redirect_uri|state|nonce|scope|code_challenge(?:_method)?|request(?:_uri)?)$/

/** Parameters that are not the broker's own to set. */
export const authParams: Parser<Readonly<Record<string, string>>> = (text) => {
  const entries = [...new URLSearchParams(text)]
  const own = entries.find(([name]) => ownAuthParameters.test(name))
  return own === undefined
    ? ok(Object.fromEntries(entries))
    : err(`sets ${own[0]}, which the broker sets`)
}

/** What an HTTP header can carry. RFC 9110 section 5.5. */
export const headerText: Parser<string> = (text) =>
  /^[\x20-\x7e]+$/.test(text)
    ? ok(text)
    : err('has a line break, or another character no header has')

/** Certificates as PEM text. */
export const certificates: Parser<string> = (text) =>
  text.startsWith('-----BEGIN CERTIFICATE-----')
    ? ok(text)
    : err('is not a certificate as PEM text')

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** Certificates as PEM text, each of them readable: TLS passes over what it cannot read. */
export const readableCertificates: Parser<string> = (text) => {
  const blocks = text.match(certificateBlock) ?? []
  if (blocks.length === 0) return err('is not a certificate as PEM text')
  return blocks.length === text.split('-----BEGIN CERT').length - 1 && blocks.every(isCertificate)
    ? ok(text)
    : err('has a certificate that cannot be read in its PEM text')
}

const isCertificate = (block: string): boolean => {
  try {
    return new X509Certificate(block).raw.length > 0
  } catch {
    return false
  }
}

/** A hop count, or addresses; `true` would believe anybody's X-Forwarded-For. */
export const trustProxy: Parser<number | readonly string[]> = (text) => {
  if (/^\d{1,2}$/.test(text)) return ok(Number(text))
  if (/^(?:true|\*|all)$/i.test(text))
    return err('would trust every caller: give the number of proxies, or their addresses')
  const parts = list(text)
  if (!parts.ok) return parts
  if (parts.value.some((part) => part.endsWith('/0')))
    return err('would trust every caller: give the addresses of the proxies')
  const wrong = parts.value.some((part) => !isCidr(part))
  return wrong ? err('is neither a number of proxies nor a list of addresses (CIDR)') : parts
}

const isCidr = (text: string): boolean => {
  const [address = '', bits, more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more !== undefined) return false
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  )
}

/** A name or an address to listen on. */
export const host: Parser<string> = (text) =>
  isIP(text) !== 0 || /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text)
    ? ok(text)
    : err('is neither a host name nor an IP address')
