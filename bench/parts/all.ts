import type { Part } from '../findings.ts'
import { latency } from './latency.ts'
import { memory } from './memory.ts'
import { peers } from './peers.ts'
import { redis } from './redis.ts'
import { routes } from './routes.ts'
import { sessions } from './sessions.ts'
import { streams } from './streams.ts'
import { throughput } from './throughput.ts'

/** Every measurement, in the order of the page. */
export const allParts: readonly Part[] = [
  throughput,
  peers,
  latency,
  sessions,
  routes,
  streams,
  redis,
  memory,
]
