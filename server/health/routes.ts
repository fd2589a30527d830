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

/** How the provider is; of several the one that is worst, and each by its tenant. */
export type ProviderReport = {
  readonly status: ProviderStatus
  readonly tenants?: Readonly<Record<string, { readonly status: ProviderStatus }>>
}

const fromBad: readonly ProviderStatus[] = ['unreachable', 'not_asked_yet', 'ok']

/** The worst of several; a tenant that is entered at several places has several. */
export const providerReport = (
  all: readonly { readonly tenant: string; readonly status: ProviderStatus }[],
): ProviderReport => {
  const worst = (some: typeof all): ProviderStatus =>
    fromBad.find((status) => some.some((one) => one.status === status)) ?? 'not_asked_yet'
  const names = [...new Set(all.map(({ tenant }) => tenant))]
  const tenants = names.map((name) => {
    const own = all.filter(({ tenant }) => tenant === name)
    return [name, { status: worst(own) }] as const
  })
  return { status: worst(all), ...(names.length > 1 && { tenants: Object.fromEntries(tenants) }) }
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
