import { createServer } from 'node:http'
import { Agent } from 'undici'
import { announcePort } from './announce-port.ts'

/** The baseline: undici's dispatch in a bare node:http server, with nothing decided and nothing checked. */
const upstream = process.argv[2] ?? ''
const agent = new Agent()

const passed = ['content-type', 'content-length'] as const

const server = createServer((req, res) => {
  agent.dispatch(
    {
      origin: upstream,
      path: req.url ?? '/',
      method: req.method ?? 'GET',
      headers: ['accept', req.headers.accept ?? '*/*'],
      body: null,
      bodyTimeout: 0,
    },
    {
      onRequestStart() {
        // Nothing to abort by: undici asks for the function all the same.
      },
      onResponseStart(_controller, status, headers) {
        const kept = passed.flatMap((name) => {
          const value = headers[name]
          return value === undefined ? [] : [[name, value] as const]
        })
        res.writeHead(status, Object.fromEntries(kept))
      },
      onResponseData(_controller, chunk) {
        res.write(chunk)
      },
      onResponseEnd() {
        res.end()
      },
      onResponseError() {
        res.destroy()
      },
    },
  )
})

announcePort(server)
