import type { Request, RequestHandler } from 'express'
import express from 'express'
import { BrokerError } from '../core/errors.ts'
import { hasBody } from './raw-headers.ts'

const formsUpTo = (bytes: number): RequestHandler =>
  express.text({ type: 'application/x-www-form-urlencoded', limit: bytes })

/** Reads an urlencoded form as text; mounted only where a form is expected. */
export const formReader = formsUpTo(65_536)

/** The same for a logout token and little else: nobody has to be anybody to post one. */
export const logoutTokenReader = formsUpTo(16_384)

/** Refuses a body that is no urlencoded form: passed over, its parameters would seem not to be there. */
export const requireForm: RequestHandler = (req, _res, next) => {
  if (typeof req.body !== 'string' && hasBody(req))
    throw new BrokerError('invalid_request', {
      detail: 'Send the parameters as a form (application/x-www-form-urlencoded).',
    })
  next()
}

/** The request's parameters, all copies kept: of the form for a POST that has one, else of the query. */
export const parametersOf = (req: Request): URLSearchParams => {
  if (req.method === 'POST' && typeof req.body === 'string') return new URLSearchParams(req.body)
  const mark = req.url.indexOf('?')
  return new URLSearchParams(mark === -1 ? '' : req.url.slice(mark + 1))
}
