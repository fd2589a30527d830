import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { clientAddress } from '../../server/proxy/client-address.ts'

const requestFrom = (remote: string | undefined, forwardedFor?: string): IncomingMessage => {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: remote })
  const req = new IncomingMessage(socket)
  if (forwardedFor !== undefined) req.headers['x-forwarded-for'] = forwardedFor
  return req
}

type Case = readonly [
  name: string,
  trusted: number | readonly string[],
  remote: string | undefined,
  forwardedFor: string | undefined,
  expected: string,
]

const cases: readonly Case[] = [
  ['nobody trusted', 0, '10.0.0.1', '6.6.6.6', '10.0.0.1'],
  ['an empty list', [], '10.0.0.1', '6.6.6.6', '10.0.0.1'],
  ['IPv4 on a dual-stack socket', 0, '::ffff:10.0.0.1', undefined, '10.0.0.1'],
  ['IPv6', 0, '2001:db8::1', undefined, '2001:db8::1'],
  ['a socket that is gone', 0, undefined, undefined, 'unknown'],
  ['one hop', 1, '10.0.0.1', '6.6.6.6, 192.0.2.7', '192.0.2.7'],
  ['one hop, no header', 1, '10.0.0.1', undefined, '10.0.0.1'],
  ['two hops', 2, '10.0.0.1', '6.6.6.6, 192.0.2.7, 10.0.0.2', '192.0.2.7'],
  ['more hops than there are', 5, '10.0.0.1', '192.0.2.7', '192.0.2.7'],
  ['a trusted network', ['10.0.0.0/8'], '10.0.0.1', '6.6.6.6, 192.0.2.7, 10.9.9.9', '192.0.2.7'],
  ['a stranger who says so', ['10.0.0.0/8'], '192.0.2.7', '10.0.0.5', '192.0.2.7'],
  ['a trusted IPv6 network', ['2001:db8::/32'], '2001:db8::1', '2001:db9::7', '2001:db9::7'],
  ['an address with a port', 1, '10.0.0.1', '192.0.2.7:4711', '192.0.2.7'],
  ['an IPv6 address with a port', 1, '10.0.0.1', '[2001:db8::7]:4711', '2001:db8::7'],
  ['text that would forge Forwarded', 1, '10.0.0.1', '1.1.1.1;host="evil"', 'unknown'],
  ['a name', 1, '10.0.0.1', 'localhost', 'unknown'],
]

for (const [name, trusted, remote, forwardedFor, expected] of cases)
  test(`clientAddress › ${name} (SBCP-4.13-a) › ${expected}`, () => {
    assert.equal(clientAddress(trusted)(requestFrom(remote, forwardedFor)), expected)
  })
