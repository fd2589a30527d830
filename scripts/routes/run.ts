import type { Config, Route } from '../../server/config/config.ts'
import { apiRoute } from '../../server/config/config-file.ts'
import { settingsAt, tenantPlaces } from '../../server/entrance-configs.ts'
import type { AskedCall } from './arguments.ts'
import { UsageError, readArguments, usage } from './arguments.ts'
import { explain } from './explain.ts'
import { explanationText } from './explanation-text.ts'
import type { RunPowers } from './people.ts'
import { findPerson, rolesUnknown } from './people.ts'
import { routeTableText } from './table-text.ts'

export type Ran = { readonly output: string; readonly complaint: string; readonly code: number }

const allowed = 0
const refused = 1
/** BSD's EX_USAGE. */
const badUsage = 64

/** `npm run routes`: the table without arguments, one decision with them. */
export const runRoutes = (config: Config, args: readonly string[], powers: RunPowers): Ran => {
  try {
    return decided(config, args, powers)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return { output: '', complaint: `${error.message}\n\n${usage}`, code: badUsage }
  }
}

const decided = (config: Config, args: readonly string[], powers: RunPowers): Ran => {
  const asked = readArguments(args)
  const routes = routesOf(config)
  if (asked.kind === 'help') return { output: usage, complaint: '', code: allowed }
  if (asked.kind === 'table')
    return { output: routeTableText(config, routes), complaint: '', code: allowed }
  const { place, target } = calledAt(config, asked)
  const person = findPerson(place, asked, powers)
  const facts = { nowSeconds: Math.floor(powers.nowMs / 1_000), person }
  const explanation = explain(place, routes, { ...asked, ...facts, target })
  const output = explanationText(explanation, asked, person)
  if (explanation.undecided === true) return { output, complaint: rolesUnknown(asked), code: badUsage } // prettier-ignore
  return { output, complaint: '', code: explanation.refusal === undefined ? allowed : refused }
}

type Called = { readonly place: Config; readonly target: string }

/**
 * The settings of the tenant that is called, and what is called there; with no tenant at all, those of the demo's. At BASE_URL's host
 * a path below somebody's prefix is theirs.
 */
const calledAt = (config: Config, { at, target }: AskedCall): Called => {
  const places = tenantPlaces(config).map((place) => settingsAt(config, place))
  const named = places.find(({ tenant }) => at === undefined || tenant.id === at)
  if (named === undefined && at !== undefined) throw new UsageError(`There is no tenant ${at}.`)
  const isRoot = at === undefined || (named?.base === '' && named.origin === config.origin)
  const path = `${target.split('?', 1)[0] ?? ''}/`
  const isBelow = (base: string) => base !== '' && path.startsWith(`${base}/`)
  const below = isRoot ? places.find(({ base = '' }) => isBelow(base)) : undefined
  if (below === undefined) return { place: named ?? config, target }
  const rest = target.slice((below.base ?? '').length)
  return { place: below, target: rest.startsWith('/') ? rest : `/${rest}` }
}

/** With no provider set, `npm start` serves the demo's API as its one route. */
const routesOf = ({ tenant, routes }: Config): readonly Route[] =>
  tenant === undefined && routes.length === 0 ? [apiRoute("the demo's API")] : routes
