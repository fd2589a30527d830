import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cleanup } from '../support/redis-server.ts'

/** The path of a CONFIG_FILE with this in it, gone with the test. */
export const configFile = async (t: Cleanup, content: object): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-routes-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'routes.json')
  await writeFile(path, JSON.stringify(content))
  return path
}
