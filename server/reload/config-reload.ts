import { setImmediate as otherWork } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import type { Loaded } from '../config/load.ts'
import type { Problem } from '../config/reader.ts'
import type { Log } from '../core/log.ts'
import type { BrokerConfig } from '../config/ready-config.ts'

export type ReloadDeps = {
  readonly log: Log
  /** Reads all settings anew, `${file:…}` and `NAME_FILE` too; may throw. */
  readonly load: () => Promise<Loaded>
  /** What is wrong, for whoever looks at the terminal. */
  readonly complain: (problems: readonly Problem[]) => void
  /** Has other tenants and routes served from now on; resolves when the sessions of those that are gone have ended. */
  readonly apply: (config: BrokerConfig) => Promise<void>
}

/**
 * Takes up what CONFIG_FILE says now, one change after the other; what is asked for while another waits is one with it. It is
 * validated as a whole before anything changes: a bad file is refused with all its problems, and the settings before go on.
 */
export const configReload = (running: BrokerConfig, deps: ReloadDeps) => {
  let current = running
  let queue = Promise.resolve()
  let waiting: Promise<void> | undefined
  const reload = async (why: string): Promise<void> => {
    waiting = undefined
    const loaded = await deps.load()
    if (!loaded.ok) {
      deps.log.error({ why, problems: loaded.problems }, 'new settings refused: those before go on')
      return deps.complain(loaded.problems)
    }
    const next = changed(current, loaded.config)
    if (next === undefined)
      return deps.log.error({ why }, 'new settings refused: they have no tenant')
    // What ends of the sessions of removed tenants may take long, and holds up no other change.
    await Promise.race([deps.apply(next), otherWork()])
    current = next
    const tenants = next.tenants?.length ?? 0
    deps.log.info({ why, routes: next.routes.length, tenants }, 'new settings are in force')
  }
  return (why: string): Promise<void> => {
    if (waiting !== undefined) return waiting
    queue = waiting = queue
      .then(() => reload(why))
      .catch((err: unknown) => {
        deps.log.error({ err, why }, 'new settings not taken up')
      })
    return queue
  }
}

/** Tenants and routes change; everything else is what the process was started with. The demo stays where it stands in. */
const changed = (
  running: BrokerConfig,
  { tenant, tenants, routes }: Config,
): BrokerConfig | undefined => {
  // prettier-ignore
  const [first, ...others] = tenants ?? []
  const kept = { ...running, routes: routes.length > 0 ? routes : running.routes }
  if (first !== undefined) return { ...kept, tenant, tenants: [first, ...others] }
  const ownTenant = tenant ?? running.tenant
  return ownTenant && { ...kept, tenant: ownTenant, tenants: undefined }
}
