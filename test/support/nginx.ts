import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { laneSkip } from './lane.ts'

/** Why nginx cannot run here, or false. */
export const nginxSkip = laneSkip(
  'nginx',
  ['-v'],
  'Install the packages nginx and openssl to run this lane.',
)

/** TLS in front of a broker on `port`, by a real nginx with a throw-away certificate. */
export const startTlsProxy = async (t: TestContext, port: number): Promise<{ origin: string }> => {
  const tlsPort = await startNginx(t, (dir, own) => {
    makeCertificate(dir)
    return tlsServer(dir, own, port)
  })
  return { origin: `https://localhost:${tlsPort}` }
}

/**
 * A shared cache in front of a broker on `port`, by a real nginx that keeps whatever it is not forbidden to, and looks
 * at no cookie. `X-Cache` tells what it did.
 */
export const startCache = (t: TestContext, port: number): Promise<number> =>
  startNginx(t, (dir, own) => cacheServer(dir, own, port))

/** A real nginx with these blocks inside `http`, gone with the test; the port of its own that they were made for. */
export const startNginx = async (
  t: TestContext,
  blocks: (dir: string, port: number) => string,
): Promise<number> => {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-nginx-'))
  // Started by root, its workers are somebody else, and keep long bodies in there.
  chmodSync(dir, 0o755)
  const port = await freePort()
  writeFileSync(join(dir, 'nginx.conf'), configuration(dir, blocks(dir, port)))
  const child = spawn('nginx', [
    '-p',
    dir,
    '-c',
    join(dir, 'nginx.conf'),
    '-e',
    join(dir, 'error.log'),
  ])
  t.after(async () => {
    if (child.exitCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    rmSync(dir, { recursive: true, force: true })
  })
  await accepting(port)
  return port
}

const makeCertificate = (dir: string): void => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const files = ['-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')]
  const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2']
  execFileSync('openssl', ['req', ...kind, ...files, ...subject], { stdio: 'ignore' })
}

const configuration = (dir: string, blocks: string): string => `
daemon off;
user ${userInfo().username};
pid ${dir}/nginx.pid;
worker_processes 1;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  ${blocks}
}
`

const tlsServer = (dir: string, tlsPort: number, port: number): string => `
  server {
    listen 127.0.0.1:${tlsPort} ssl;
    listen [::1]:${tlsPort} ssl;
    ssl_certificate ${dir}/cert.pem;
    ssl_certificate_key ${dir}/key.pem;
    location / {
      proxy_pass http://localhost:${port};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
`

const cacheServer = (dir: string, listenPort: number, port: number): string => `
  proxy_cache_path ${dir}/cache keys_zone=shared:1m;
  server {
    listen 127.0.0.1:${listenPort};
    location / {
      proxy_pass http://localhost:${port};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_cache shared;
      proxy_cache_key $request_uri;
      proxy_cache_valid any 10m;
      add_header X-Cache $upstream_cache_status always;
    }
    location /internal { internal; return 200 "what only nginx may show"; }
  }
`

const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const accepting = async (port: number): Promise<void> => {
  for (let tries = 0; tries < 100; tries += 1) {
    const socket = connect(port, '127.0.0.1')
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (open) return
    await sleep(50)
  }
  throw new Error(`nothing listens on ${port}`)
}
