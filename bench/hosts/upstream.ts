import { createServer } from 'node:http'
import { announcePort } from './announce-port.ts'

/** A small JSON answer, as fast as node:http gives it. */
const body = JSON.stringify({ id: 42, name: 'a small answer', items: [1, 2, 3] })

const server = createServer((_req, res) => {
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length })
  res.end(body)
})

announcePort(server)
