import type { Config, Route } from '../../server/config/config.ts'
import { apiRoute } from '../../server/config/config-file.ts'
import { entranceConfigs } from '../../server/entrance-configs.ts'
import { UsageError, readArguments, usage } from './arguments.ts'
import { explain } from './explain.ts'
import { explanationText } from './explanation-text.ts'
import type { RunPowers } from './people.ts'
import { findPerson } from './people.ts'
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
  const place = placeOf(config, asked.at)
  const person = findPerson(place, asked, powers)
  const facts = { nowSeconds: Math.floor(powers.nowMs / 1_000), person }
  const explanation = explain(place, routes, { ...asked, ...facts })
  const code = explanation.refusal === undefined ? allowed : refused
  return { output: explanationText(explanation, asked, person), complaint: '', code }
}

/** The settings of the tenant that is called; with no tenant at all, those of the demo's. */
const placeOf = (config: Config, at: string | undefined): Config => {
  const places = entranceConfigs(config)
  const place = at === undefined ? places[0] : places.find(({ tenant }) => tenant.id === at)
  if (place === undefined && at !== undefined) throw new UsageError(`There is no tenant ${at}.`)
  return place ?? config
}

/** With no provider set, `npm start` serves the demo's API as its one route. */
const routesOf = ({ tenant, routes }: Config): readonly Route[] =>
  tenant === undefined && routes.length === 0 ? [apiRoute("the demo's API")] : routes
