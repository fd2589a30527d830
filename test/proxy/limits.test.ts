import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipv6Network } from '../../server/proxy/limits.ts'

const networks = [
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['::', '0:0:0:0'],
  ['fe80::', 'fe80:0:0:0'],
  ['1:2:3:4:5:6:7::', '1:2:3:4'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
] as const

for (const [address, network] of networks)
  test(`ipv6Network › ${address} › ${network}`, () => {
    assert.equal(ipv6Network(address), network)
  })
