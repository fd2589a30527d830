import type { Request, RequestHandler } from 'express'
import express from 'express'

const longestFormBytes = 65_536

/** Reads an urlencoded form as text; mounted only where a form is expected. */
export const formReader: RequestHandler = express.text({
  type: 'application/x-www-form-urlencoded',
  limit: longestFormBytes,
})

/** The request's parameters, all copies kept: of the form for a POST that has one, else of the query. */
export const parametersOf = (req: Request): URLSearchParams => {
  if (req.method === 'POST' && typeof req.body === 'string') return new URLSearchParams(req.body)
  const mark = req.url.indexOf('?')
  return new URLSearchParams(mark === -1 ? '' : req.url.slice(mark + 1))
}
