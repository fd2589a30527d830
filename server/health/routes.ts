import type { Request, Response } from 'express'
import { Router } from 'express'
import type { Replies } from '../http/reply.ts'

export type HealthRoutesDeps = {
  readonly reply: Replies
  readonly pingStore: () => Promise<void>
  readonly provider: () => ProviderReport
  readonly draining: () => boolean
}

type ProviderStatus = 'not_asked_yet' | 'ok' | 'unreachable'

/** How the provider is; of several tenants the worst, and of how many it is what. Whose it is, anybody may not know. */
export type ProviderReport = {
  readonly status: ProviderStatus
  readonly tenants?: Readonly<Record<ProviderStatus, number>>
}

const fromBad: readonly ProviderStatus[] = ['unreachable', 'not_asked_yet', 'ok']

const worstOf = (one: ProviderStatus, other: ProviderStatus): ProviderStatus =>
  fromBad.indexOf(one) < fromBad.indexOf(other) ? one : other

/** The worst of several; a tenant that is entered at several places has several, and counts once. */
export const providerReport = (
  all: readonly { readonly tenant: string; readonly status: ProviderStatus }[],
): ProviderReport => {
  const byTenant = new Map<string, ProviderStatus>()
  for (const { tenant, status } of all)
    byTenant.set(tenant, worstOf(status, byTenant.get(tenant) ?? 'ok'))
  const tenants = { ok: 0, unreachable: 0, not_asked_yet: 0 }
  for (const status of byTenant.values()) tenants[status] += 1
  const status = fromBad.find((one) => tenants[one] > 0) ?? 'not_asked_yet'
  return { status, ...(byTenant.size > 1 && { tenants }) }
}

/** `/livez`: this process serves. `/readyz`: send it users; 503 only when the store is lost or the process drains. */
export const healthRoutes = (deps: HealthRoutesDeps): Router => {
  const router = Router({ caseSensitive: true, strict: true })
  router.get('/livez', function livez(req: Request, res: Response) {
    deps.reply.json(req, res, 200, { status: 'ok' })
  })
  router.get('/readyz', async function readyz(req: Request, res: Response) {
    const store = await deps.pingStore().then(
      () => 'ok',
      () => 'lost',
    )
    const draining = deps.draining()
    const ready = store === 'ok' && !draining
    deps.reply.json(req, res, ready ? 200 : 503, {
      status: ready ? 'ok' : 'not_ready',
      checks: {
        store: { status: store },
        // Reported, never 503: sessions live on while the provider is away.
        provider: deps.provider(),
        process: { status: draining ? 'draining' : 'ok' },
      },
    })
  })
  return router
}
