import { inPieces } from '../core/steps.ts'
import type { LoadOptions, Loaded } from './load.ts'
import { loadSteps } from './load.ts'
import { yamlAside } from './yaml-aside.ts'
import { yamlTree } from './yaml-tree.ts'

/** The settings as `loadConfig` reads them, in a process that serves meanwhile. */
export const loadAside = async (options: LoadOptions): Promise<Loaded> => {
  const file = options.env['CONFIG_FILE']?.trim() ?? ''
  const text = file === '' ? undefined : contentOf(file, options)
  const tree = text === undefined ? undefined : await yamlAside(text)
  // Read anew by then, it may say something else.
  const treeOf = (now: string) => (tree !== undefined && now === text ? tree : yamlTree(now))
  return await inPieces(loadSteps({ ...options, treeOf }))
}

/** What is wrong with the file is told where it is read for good. */
const contentOf = (file: string, { readFile }: LoadOptions): string | undefined => {
  try {
    return readFile(file)
  } catch {
    return undefined
  }
}
