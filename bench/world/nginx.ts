import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../test/support/redis-server.ts'
import { startChild } from './children.ts'
import type { Ending } from './ending.ts'
import { untilAnswered } from './until-answered.ts'

/** The upstream: a real nginx that answers every call with the same small JSON. */
export const startNginx = async (t: Ending): Promise<string> => {
  if (spawnSync('nginx', ['-v']).status !== 0)
    throw new Error('install nginx: it is the upstream of every measurement')
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-bench-nginx-'))
  const port = await freePort()
  const file = join(dir, 'nginx.conf')
  await writeFile(file, configuration(dir, port))
  const child = startChild('nginx', ['-p', dir, '-c', file, '-e', join(dir, 'error.log')])
  t.after(async () => {
    await child.end()
    await rm(dir, { recursive: true, force: true })
  })
  const origin = `http://127.0.0.1:${port}`
  await untilAnswered(`${origin}/`)
  return origin
}

const answer = JSON.stringify({ id: 42, name: 'a small answer', items: [1, 2, 3] })

const configuration = (dir: string, port: number): string => `
daemon off;
pid ${dir}/nginx.pid;
worker_processes 1;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  server {
    listen 127.0.0.1:${port};
    location / { default_type application/json; return 200 '${answer}'; }
  }
}
`
