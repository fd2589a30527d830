import type { Request, Response } from 'express'
import { Router } from 'express'
import type { Replies } from '../http/reply.ts'

export type HealthRoutesDeps = {
  readonly reply: Replies
  readonly pingStore: () => Promise<void>
  readonly providerStatus: () => 'not_asked_yet' | 'ok' | 'unreachable'
  readonly draining: () => boolean
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
        provider: { status: deps.providerStatus() },
        process: { status: draining ? 'draining' : 'ok' },
      },
    })
  })
  return router
}
