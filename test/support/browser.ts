import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:http'
import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'

export type Answer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Where this answer came from, after all redirects. */
  readonly url: string
  readonly json: () => Record<string, unknown>
}

type Cookie = { readonly value: string; readonly sameSite: string; readonly line: string }

export type CallOptions = {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  /** The target as bytes, which a URL would tidy up. */
  readonly target?: string
}

type Site = 'none' | 'same-origin' | 'cross-site'

/** As browsers have it, whatever the system's resolver says: every name under `localhost` is this machine. */
const loopback: LookupFunction = (host, options, done) =>
  lookup(host.endsWith('.localhost') ? 'localhost' : host, options, done)

/** One HTTP exchange without any browser behaviour; headers go out as given. */
export const send = (url: string, options: CallOptions = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, target } = options
    const path = target === undefined ? {} : { path: target }
    const exchange = { method, headers, agent: false, lookup: loopback, ...path }
    const outgoing = request(url, exchange, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const json = () => JSON.parse(text) as Record<string, unknown>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, url, json })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })

/**
 * A browser's rules without a browser: a cookie jar by host, SameSite=Strict kept back on cross-site navigations,
 * Fetch Metadata, redirects followed by GET.
 */
export const browser = (origin: string) => {
  const jar = new Map<string, Map<string, Cookie>>()
  const cookiesOf = (url: string) => {
    const host = new URL(url).hostname
    const known = jar.get(host) ?? new Map<string, Cookie>()
    jar.set(host, known)
    return known
  }
  const remember = (answer: Answer) => {
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      const sameSite = (/samesite=(\w+)/i.exec(line)?.[1] ?? 'lax').toLowerCase()
      const gone = /max-age=0(?:;|$)/i.test(line) || /expires=thu, 01 jan 1970/i.test(line)
      if (gone) cookiesOf(answer.url).delete(name)
      else cookiesOf(answer.url).set(name, { value, sameSite, line })
    }
  }
  const cookieHeader = (url: string, site: Site) => {
    const sent = [...cookiesOf(url)].filter(
      ([, c]) => site !== 'cross-site' || c.sameSite !== 'strict',
    )
    return sent.map(([name, { value }]) => `${name}=${value}`).join('; ')
  }
  const withCookies = async (url: string, site: Site, options: CallOptions): Promise<Answer> => {
    const cookie = cookieHeader(url, site)
    const headers = { ...(cookie !== '' && { cookie }), ...options.headers }
    const answer = await send(url, { ...options, headers })
    remember(answer)
    return answer
  }
  const absolute = (address: string) => new URL(address, origin).href

  /** One navigation, no redirect followed. */
  const visit = (address: string, site: Site = 'none', options: CallOptions = {}) =>
    withCookies(absolute(address), site, {
      ...options,
      headers: {
        accept: 'text/html,application/xhtml+xml',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        'sec-fetch-site': site,
        ...options.headers,
      },
    })

  /** A navigation to its end; a chain that left the site stays cross-site, as browsers have it. */
  const navigate = async (address: string, site: Site = 'none', options: CallOptions = {}) => {
    let answer = await visit(address, site, options)
    let chain = site
    for (let hops = 0; hops < 20; hops += 1) {
      const location = answer.headers.location
      if (location === undefined || answer.status < 300 || answer.status > 399) return answer
      const next = new URL(location, answer.url)
      if (next.hostname !== new URL(answer.url).hostname) chain = 'cross-site'
      answer = await visit(next.href, chain)
    }
    throw new Error('too many redirects')
  }

  /** What the app's own script sends. */
  const call = (path: string, options: CallOptions = {}) =>
    withCookies(absolute(path), 'same-origin', {
      ...options,
      headers: {
        accept: 'application/json',
        'sec-fetch-mode': 'cors',
        'sec-fetch-dest': 'empty',
        'sec-fetch-site': 'same-origin',
        ...(options.method !== undefined && options.method !== 'GET' && { origin }),
        ...options.headers,
      },
    })

  return {
    visit,
    navigate,
    call,
    cookies: (host = new URL(origin).hostname): ReadonlyMap<string, Cookie> =>
      jar.get(host) ?? new Map<string, Cookie>(),
    setCookie: (name: string, value: string) =>
      cookiesOf(origin).set(name, { value, sameSite: 'strict', line: '' }),
    cookieHeader: (site: Site = 'same-origin') => cookieHeader(origin, site),
    session: async () => (await call('/session')).json(),
    /** The CSRF header of the session at hand. */
    csrf: async (): Promise<Record<string, string>> => ({
      'x-csrf-token': String((await call('/session')).json()['csrf_token']),
    }),
  }
}

export type Browser = ReturnType<typeof browser>
