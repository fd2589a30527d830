import type { IncomingMessage } from 'node:http'
import proxyAddr from 'proxy-addr'

/** Who called, as an address: the socket's, or what the trusted proxies in front say. */
export type ClientAddress = (req: IncomingMessage) => string

/** X-Forwarded-For is believed only as far as TRUST_PROXY reaches; anybody can write it. */
export const clientAddress = (trusted: number | readonly string[]): ClientAddress => {
  const socketAddress: ClientAddress = (req) => plainIpv4(req.socket.remoteAddress ?? 'unknown')
  if (trusted === 0 || (typeof trusted !== 'number' && trusted.length === 0)) return socketAddress
  const trust =
    typeof trusted === 'number'
      ? (_address: string, hop: number) => hop < trusted
      : proxyAddr.compile([...trusted])
  return (req) => plainIpv4(proxyAddr(req, trust))
}

/** An IPv4 caller on a dual-stack socket, written as IPv4. */
const plainIpv4 = (address: string): string =>
  address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
