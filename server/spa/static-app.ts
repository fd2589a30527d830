import type { RequestHandler } from 'express'
import express, { Router } from 'express'
import { BrokerError } from '../core/errors.ts'
import { isNavigation } from '../http/caller.ts'

/**
 * Names that a bundler makes from a script's, style's or font's content: `main.0a1b2c3d.js`, `index-BQ3kf9Zx.css`.
 * What only might be one is asked for again each time, which costs a 304; a year of a stale file would cost more.
 */
const hashedName =
  /[.-](?:(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,64}|(?=[A-Za-z_-]*\d)(?=[a-z\d_-]*[A-Z])[\w-]{8})\.(?:m?js|css|woff2?|wasm)$/

const cacheControl = (path: string): string =>
  hashedName.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache'

/** The app's files; a navigation to any other path gets its index, so that the app's own routes work. */
export const staticApp = (dir: string, headers: readonly RequestHandler[]): Router => {
  const router = Router({ caseSensitive: true, strict: true })
  router.use(...headers)
  router.use(
    express.static(dir, {
      index: 'index.html',
      redirect: false,
      dotfiles: 'ignore',
      cacheControl: false,
      setHeaders: (res, path) => void res.setHeader('Cache-Control', cacheControl(path)),
    }),
  )
  router.use(function indexFallback(req, res, next) {
    if ((req.method !== 'GET' && req.method !== 'HEAD') || !isNavigation(req)) return next()
    res.setHeader('Cache-Control', 'no-cache')
    res.sendFile('index.html', { root: dir, cacheControl: false }, (error: unknown) => {
      if (error !== undefined && error !== null) next(new BrokerError('no_route', { cause: error }))
    })
  })
  return router
}
