import type { IncomingMessage, ServerResponse } from 'node:http'
import { BrokerError } from '../core/errors.ts'
import { toProblem } from '../core/problem.ts'
import { isNavigation } from './caller.ts'
import { errorPage } from './error-page.ts'
import type { Page } from './html.ts'
import { pagePolicy, renderPage } from './html.ts'
import { hasBody } from './raw-headers.ts'
import { requestIdOf } from './request-id.ts'
import { ownAnswerHeaders } from './security-headers.ts'

export type Replies = ReturnType<typeof replies>

type Outgoing = Pick<ServerResponse, 'setHeader' | 'writeHead' | 'headersSent' | 'destroy'> & {
  end: (text?: string) => unknown
}

export type ReplyOptions = {
  readonly secure: boolean
  readonly realm: string
  readonly formOrigins: () => readonly string[]
  /** The prefix that every address of ours has; none without. */
  readonly base?: string
}

/** The broker's own answers, the same from Express and from the hot path. */
export const replies = (options: ReplyOptions) => {
  const headers = Object.entries(ownAnswerHeaders(options.secure))

  const begin = (req: IncomingMessage, res: Outgoing, isFramed = false) => {
    for (const [name, value] of headers)
      if (!isFramed || name !== 'X-Frame-Options') res.setHeader(name, value)
    res.setHeader('X-Request-Id', requestIdOf(req))
  }

  const json = (req: IncomingMessage, res: Outgoing, status: number, body: unknown) => {
    begin(req, res)
    send(req, res, { status, type: 'application/json; charset=utf-8', text: JSON.stringify(body) })
  }

  const page = (req: IncomingMessage, res: Outgoing, status: number, content: Page) => {
    // X-Frame-Options knows no list of origins: where some may frame the page, the policy alone says so.
    begin(req, res, content.framedBy !== undefined)
    res.setHeader('Content-Security-Policy', pagePolicy(options.formOrigins(), content.framedBy))
    // Under `no-referrer` a browser posts the form with `Origin: null`, which is anybody's.
    if (content.hasForm === true) res.setHeader('Referrer-Policy', 'same-origin')
    send(req, res, { status, type: html, text: renderPage(content) })
  }

  /** 303: whatever method brought the browser here, it goes on with GET (RFC 9700 section 4.12). */
  const redirect = (req: IncomingMessage, res: Outgoing, location: string) => {
    begin(req, res)
    res.setHeader('Location', location)
    res.writeHead(303)
    res.end()
  }

  /** problem+json (RFC 9457), or a page with the same facts and a way back for a navigation. */
  const failure = (req: IncomingMessage, res: Outgoing, fault: BrokerError) => {
    if (res.headersSent) return void res.destroy()
    const error = withBase(fault, options.base)
    begin(req, res)
    failureHeaders(res, error, options.realm)
    const problem = toProblem(error, requestIdOf(req))
    if (isNavigation(req))
      return page(req, res, error.status, errorPage(error, problem, `${options.base ?? ''}/`))
    const text = JSON.stringify(problem)
    send(req, res, { status: error.status, type: 'application/problem+json; charset=utf-8', text })
  }

  return { json, page, redirect, failure }
}

/** The rooms speak of `/login` wherever they are. */
const withBase = (error: BrokerError, base = ''): BrokerError => {
  const { loginUrl } = error.info
  if (loginUrl === undefined || base === '') return error
  return new BrokerError(error.code, {
    ...error.info,
    cause: error.cause,
    loginUrl: `${base}${loginUrl}`,
  })
}

const html = 'text/html; charset=utf-8'

const failureHeaders = (res: Outgoing, { status, info }: BrokerError, realm: string): void => {
  // A 401 must carry a challenge (RFC 9110 section 15.5.2); a private scheme makes no browser prompt.
  if (status === 401) res.setHeader('WWW-Authenticate', `Session realm="${realm}"`)
  if (info.retryAfterSeconds !== undefined)
    res.setHeader('Retry-After', String(info.retryAfterSeconds))
  if (info.allow !== undefined) res.setHeader('Allow', info.allow.join(', '))
  res.setHeader('Vary', 'Accept, Sec-Fetch-Mode')
}

type Body = { readonly status: number; readonly type: string; readonly text: string }

const send = (req: IncomingMessage, res: Outgoing, { status, type, text }: Body): void => {
  res.setHeader('Content-Type', type)
  res.setHeader('Content-Length', String(Buffer.byteLength(text)))
  // An unread upload would be taken for the next request on this connection.
  if (!req.complete && hasBody(req)) res.setHeader('Connection', 'close')
  res.writeHead(status)
  if (req.method === 'HEAD') res.end()
  else res.end(text)
}
