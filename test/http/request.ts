import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'

/** A request as Node hands it over, without a wire: header names in lower case. */
export const request = (
  headers: Readonly<Record<string, string | undefined>> = {},
  target: { readonly method?: string; readonly url?: string } = {},
): IncomingMessage => {
  const req = new IncomingMessage(new Socket())
  req.method = target.method ?? 'GET'
  req.url = target.url ?? '/'
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) {
      req.headers[name] = value
      req.rawHeaders.push(name, value)
    }
  return req
}
