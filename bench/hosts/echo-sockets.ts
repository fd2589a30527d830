import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { announcePort } from './announce-port.ts'

/** Agrees to every WebSocket (RFC 6455 section 4.2.2) and says nothing more. */
const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const server = createServer((_req, res) => void res.end('{}'))

server.on('upgrade', (req, socket) => {
  socket.on('error', () => socket.destroy())
  socket.resume()
  const key = req.headers['sec-websocket-key'] ?? ''
  const accept = createHash('sha1').update(`${key}${magic}`).digest('base64')
  const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  socket.write(`${head}Sec-WebSocket-Accept: ${accept}\r\n\r\n`)
})

announcePort(server)
