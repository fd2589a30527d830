import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import proxyAddr from 'proxy-addr'

/** Who called, as an address: the socket's, or what the trusted proxies in front say. */
export type ClientAddress = (req: IncomingMessage) => string

/** X-Forwarded-For is believed only as far as TRUST_PROXY reaches; anybody can write it. */
export const clientAddress = (trusted: number | readonly string[]): ClientAddress => {
  const socketAddress = onceASocket((req) => plainAddress(req.socket.remoteAddress ?? ''))
  if (trusted === 0 || (typeof trusted !== 'number' && trusted.length === 0)) return socketAddress
  const trust =
    typeof trusted === 'number'
      ? (_address: string, hop: number) => hop < trusted
      : proxyAddr.compile([...trusted])
  return (req) => plainAddress(proxyAddr(req, trust))
}

const onceASocket = (read: ClientAddress): ClientAddress => {
  const known = new WeakMap<Socket, string>()
  return (req) => {
    const before = known.get(req.socket)
    if (before !== undefined) return before
    const address = read(req)
    known.set(req.socket, address)
    return address
  }
}

/**
 * An address without the port some routers add, IPv4 on a dual-stack socket written as IPv4; `unknown` when it is none.
 * The zone of an IPv6 address means something on this machine alone. A hop count that is too large lets a caller's own text through, which must not end up in `Forwarded`.
 */
const plainAddress = (text: string): string => {
  const bare =
    /^(\d+(?:\.\d+){3}):\d+$/.exec(text)?.[1] ?? /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? text
  const address = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(bare)?.[1] ?? bare.replace(/%.*$/, '')
  return isIP(address) === 0 ? 'unknown' : address
}
