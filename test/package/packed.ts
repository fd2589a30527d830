import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname

/**
 * A project of its own with the packed package in it, as npm unpacks it, and of its dependencies `jose` alone: what needs more, or
 * reaches into this folder, fails there.
 */
export const packedProject = async () => {
  const place = await mkdtemp(join(tmpdir(), 'latchkey-package-'))
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', place], {
    cwd: root,
    timeout: 120_000,
  })
  const modules = join(place, 'node_modules')
  await mkdir(join(modules, 'latchkey'), { recursive: true })
  const file = stdout.trim().split('\n').at(-1) ?? ''
  const into = ['-xzf', join(place, file), '-C', join(modules, 'latchkey'), '--strip-components=1']
  await run('tar', into)
  await cp(join(root, 'node_modules/jose'), join(modules, 'jose'), { recursive: true })
  await writeFile(join(place, 'package.json'), '{"name":"orders","private":true}')
  return {
    place,
    /** Lends a package of this project, as a link. */
    lend: async (name: string) => {
      await mkdir(join(modules, name, '..'), { recursive: true })
      await symlink(join(root, 'node_modules', name), join(modules, name))
    },
    write: async (name: string, text: string): Promise<string> => {
      await writeFile(join(place, name), text)
      return join(place, name)
    },
    end: () => rm(place, { recursive: true, force: true }),
  }
}

/** The compiler's complaints about a project. */
export const typeFaults = async (place: string): Promise<string> => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  return await run(process.execPath, [tsc, '-p', place], { timeout: 120_000 }).then(
    () => '',
    (error: unknown) => String(Reflect.get(Object(error) as object, 'stdout')),
  )
}
