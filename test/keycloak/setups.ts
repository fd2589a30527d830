import { keycloakLane } from '../support/keycloak.ts'
import { redisLane } from '../support/redis-server.ts'

const lane = keycloakLane()

/** For what needs Redis as well. */
export const lanes = { skip: lane.skip === false ? redisLane().skip : lane.skip }

/** How the broker runs: alone, or as two processes on one Redis that get each other's requests in turn. */
export const setups = [
  { name: 'Keycloak', brokers: 1, lane },
  { name: 'Keycloak and two instances on Redis', brokers: 2, lane: lanes },
] as const

export type Setup = (typeof setups)[number]
