import { existsSync, readFileSync, statSync } from 'node:fs'
import process from 'node:process'
import { formatProblems, loadConfig, withDotEnv } from '../server/config/load.ts'
import { systemRandom } from '../server/core/random.ts'
import { runRoutes } from './routes/run.ts'

/** BSD's EX_CONFIG and EX_USAGE. */
const badSettings = 78

const readFile = (path: string) => readFileSync(path, 'utf8')

const main = (): number => {
  const dotEnv = process.env['NODE_ENV'] !== 'production' && existsSync('.env')
  const loaded = loadConfig({
    env: dotEnv ? withDotEnv(process.env, readFile('.env')) : process.env,
    readFile,
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
    random: systemRandom,
  })
  if (!loaded.ok) {
    process.stderr.write(formatProblems(loaded.problems))
    return badSettings
  }
  const { output, complaint, code } = runRoutes(loaded.config, process.argv.slice(2), {
    readFile,
    nowMs: Date.now(),
  })
  process.stdout.write(output)
  process.stderr.write(complaint)
  return code
}

process.exitCode = main()
