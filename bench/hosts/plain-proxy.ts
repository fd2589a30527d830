import { createServer } from 'node:http'
import { Agent } from 'undici'
import { announcePort } from './announce-port.ts'

/**
 * The baseline: undici's dispatch in a bare node:http server, with nothing decided and nothing checked. It passes end-to-end headers
 * both ways, as any proxy has to.
 */
const upstream = process.argv[2] ?? ''
const agent = new Agent()

const hopByHop = new Set(['host', 'connection', 'keep-alive', 'transfer-encoding', 'upgrade'])

const passed = (raw: readonly (string | Buffer)[]): string[] => {
  const list: string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = String(raw[i])
    if (!hopByHop.has(name.toLowerCase())) list.push(name, String(raw[i + 1]))
  }
  return list
}

const server = createServer((req, res) => {
  agent.dispatch(
    {
      origin: upstream,
      path: req.url ?? '/',
      method: req.method ?? 'GET',
      headers: passed(req.rawHeaders),
      body: null,
      bodyTimeout: 0,
    },
    {
      onRequestStart() {
        // Nothing to abort by: undici asks for the function all the same.
      },
      onResponseStart(controller, status) {
        const { rawHeaders } = controller
        res.writeHead(status, passed(Array.isArray(rawHeaders) ? rawHeaders : []))
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
