import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '../../server/broker-server.ts'
import { secret } from '../../server/core/secret.ts'
import { createBroker } from '../../server/create-broker.ts'
import { startScriptedIssuer } from '../../test/support/scripted-issuer.ts'
import { testConfig } from '../../test/support/world.ts'

/** The broker as deployed, between a real login and the given upstream; `argv[3]` is a Redis address or nothing. */
const [, , upstream = '', redisUrl] = process.argv
const issuer = await startScriptedIssuer()
issuer.script.accessTokenSeconds = 3_600
const server = createServer()
await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
// A listening TCP server has an address of this shape.
const { port } = server.address() as AddressInfo
const origin = `http://localhost:${port}`
const config = testConfig(origin, issuer.issuer, { origin: upstream })
const redis = { nodes: secret([redisUrl ?? '']), prefix: 'bench:', tlsVerify: true }
serve(server, createBroker(redisUrl === undefined ? config : { ...config, redis }))
process.stdout.write(`${JSON.stringify({ port })}\n`)
