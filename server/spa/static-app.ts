import type { RequestHandler } from 'express'
import express, { Router } from 'express'
import { BrokerError } from '../core/errors.ts'
import { isNavigation } from '../http/caller.ts'

/** The app's files; a navigation to any other path gets its index, so that the app's own routes work. */
export const staticApp = (dir: string, headers: readonly RequestHandler[]): Router => {
  const router = Router({ caseSensitive: true, strict: true })
  router.use(...headers)
  router.use(express.static(dir, { index: 'index.html', redirect: false, dotfiles: 'ignore' }))
  router.use(function indexFallback(req, res, next) {
    if ((req.method !== 'GET' && req.method !== 'HEAD') || !isNavigation(req)) return next()
    res.setHeader('Cache-Control', 'no-cache')
    res.sendFile('index.html', { root: dir }, (error: unknown) => {
      if (error !== undefined && error !== null) next(new BrokerError('no_route', { cause: error }))
    })
  })
  return router
}
