import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { announcePort } from './announce-port.ts'

/** Answers GET with a stream of events that stays open, and an upgrade with a WebSocket that stays open. */
const server = createServer((_req, res) => {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  res.write(': open\n\n')
})

/** RFC 6455 section 1.3. */
const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

server.on('upgrade', (req, socket) => {
  const key = req.headers['sec-websocket-key'] ?? ''
  const accept = createHash('sha1').update(`${key}${magic}`).digest('base64')
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
  socket.resume()
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
})

announcePort(server)
