import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { loaded } from '../config/loading.ts'
import { capturedLog } from '../support/captured-log.ts'
import { startEntra } from '../support/entra.ts'
import { entraClient, tidA, tidB } from '../support/entra-facts.ts'
import type { WorldOptions } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

export const limit = { timeout: 30_000 }

/** A broker in front of the look-alike, its tenant as the settings make it. */
export const startEntraWorld = async (
  t: TestContext,
  over: Record<string, string> = {},
  routes?: WorldOptions['routes'],
) => {
  const entra = await startEntra()
  t.after(entra.close)
  const captured = capturedLog()
  const env = {
    OIDC_PROFILE: 'entra',
    OIDC_ISSUER: `${entra.origin}/common/v2.0`,
    OIDC_CLIENT_ID: entraClient.id,
    OIDC_CLIENT_SECRET: entraClient.secret,
    OIDC_SCOPE: 'openid profile email offline_access',
    OIDC_ALLOW: `tid:${tidA}, tid:${tidB.toUpperCase()}`,
    ...over,
    // One tenant's issuer on request.
    ...(over['OIDC_ISSUER'] === '' && { OIDC_ISSUER: `${entra.origin}/${tidA}/v2.0` }),
  }
  const { tenant } = loaded(env)
  assert.ok(tenant)
  const world = await startWorld(t, {
    log: captured.log,
    ...(routes !== undefined && { routes }),
    config: (config) => ({
      ...config,
      tenant,
      // Its access tokens live up to 90 minutes.
      session: { ...config.session, idleSeconds: 43_200, claims: ['groups', 'tid'] },
    }),
  })
  entra.script.nowMs = world.clock.nowMs
  return { ...world, entra, log: captured.text }
}

export const personIn = (tid: string) => ({
  tid,
  oid: randomUUID(),
  name: 'Bo Example',
  roles: ['orders-write'],
  groups: 3,
})
