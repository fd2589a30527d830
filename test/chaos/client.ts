import { Pool } from 'undici'
import { parseSessionId } from '../../server/core/ids.ts'
import { recordIdOf } from '../../server/session/record-id.ts'
import type { Event } from './history.ts'
import { historyMs } from './history.ts'

export type ClientWorld = {
  /** Of the app: whatever port a broker has, it is called by this name. */
  readonly host: string
  readonly issuer: string
  readonly brokers: readonly { readonly origin: string }[]
  readonly note: (event: Event) => void
}

type Answer = {
  readonly status: number
  readonly text: string
  readonly header: (name: string) => string | undefined
  readonly cookies: readonly string[]
}

/** More than ever wait at one broker: a call that queued here would count as a slow answer there. */
const connections = 2_048

/** Kept connections to each broker, and to the provider. */
export const clientPools = ({ host, issuer, brokers }: Omit<ClientWorld, 'note'>) => {
  const options = { connections, pipelining: 1, headersTimeout: 40_000, bodyTimeout: 40_000 }
  const pools = brokers.map(({ origin }) => new Pool(origin, options))
  const provider = new Pool(issuer, options)
  const send = async (
    pool: Pool,
    path: string,
    headers: Record<string, string>,
    method: 'GET' | 'POST',
    body?: string,
  ): Promise<Answer> => {
    const answer = await pool.request({
      path,
      method,
      headers,
      ...(body !== undefined && { body }),
    })
    const text = await answer.body.text()
    const one = (name: string) => [answer.headers[name] ?? []].flat()[0]
    const cookies = [answer.headers['set-cookie'] ?? []].flat()
    return { status: answer.statusCode, text, header: one, cookies }
  }
  return {
    host,
    issuer,
    toBroker: (
      index: number,
      path: string,
      headers: Record<string, string>,
      method: 'GET' | 'POST' = 'GET',
      body?: string,
    ) => {
      const pool = pools[index]
      if (pool === undefined) throw new Error(`no broker ${index}`)
      return send(pool, path, { host, ...headers }, method, body)
    },
    toProvider: (path: string, headers: Record<string, string>) =>
      send(provider, path, headers, 'GET'),
    close: async () => {
      await Promise.all([...pools, provider].map((pool) => pool.destroy()))
    },
  }
}

export type ClientPools = ReturnType<typeof clientPools>

const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
const script = {
  accept: 'application/json',
  'sec-fetch-mode': 'cors',
  'sec-fetch-dest': 'empty',
  'sec-fetch-site': 'same-origin',
}

const parsed = (answer: Answer): Record<string, unknown> => {
  if (!(answer.header('content-type') ?? '').includes('json')) return {}
  return JSON.parse(answer.text) as Record<string, unknown>
}

/** The name of the records behind a cookie: its id, less signature and wrapping. */
const sessionIn = (cookie: string): string | undefined => {
  const signed = decodeURIComponent(/(?:^|; )session=([^;]+)/.exec(cookie)?.[1] ?? '')
  const id = parseSessionId(/^s:([^.]+)/.exec(signed)?.[1] ?? '')
  return id && recordIdOf(id)
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined)

/** One person with one browser; `name` is their account at the provider, where they stay logged in. */
export const chaosUser = (pools: ClientPools, name: string, note: (event: Event) => void) => {
  const jar = new Map<string, string>()
  const remember = ({ cookies }: Answer) => {
    for (const line of cookies) {
      const [, cookie = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') jar.delete(cookie)
      else jar.set(cookie, value)
    }
  }
  const cookieHeader = () => [...jar].map(([cookie, value]) => `${cookie}=${value}`).join('; ')

  const noted = async (
    kind: Event['kind'],
    broker: number,
    work: () => Promise<Answer>,
    session?: string,
  ): Promise<Event> => {
    const startMs = historyMs()
    const answer = await work().catch(() => undefined)
    const body = answer === undefined || answer.status < 400 ? {} : parsed(answer)
    const event = {
      user: name,
      kind,
      broker,
      startMs,
      endMs: historyMs(),
      status: answer?.status ?? 0,
      code: textOf(body['code']),
      loginUrl: textOf(body['login_url']),
      retryAfter: answer?.header('retry-after'),
      setsCookie: answer?.cookies.some((line) => line.startsWith('session=')) === true,
      session,
    }
    note(event)
    return event
  }

  const redirect = (answer: Answer): URL | undefined => {
    const location = answer.header('location')
    return location === undefined ? undefined : new URL(location, `http://${pools.host}`)
  }

  /** Login at one broker, callback at another: as a load balancer has it. */
  const walk = async (first: number, second: number, loginUrl: string): Promise<Answer> => {
    const headers = () => ({ ...navigation, accept: 'text/html', cookie: cookieHeader() })
    const started = await pools.toBroker(first, loginUrl, {
      ...headers(),
      'sec-fetch-site': 'same-origin',
    })
    remember(started)
    const toProvider = redirect(started)
    if (toProvider?.origin !== pools.issuer) return started
    const path = toProvider.pathname + toProvider.search
    const back = redirect(await pools.toProvider(path, { cookie: `op=${name}` }))
    if (back === undefined) throw new Error('the provider does not send back')
    const finished = await pools.toBroker(second, back.pathname + back.search, {
      ...headers(),
      'sec-fetch-site': 'cross-site',
    })
    remember(finished)
    return finished
  }

  return {
    name,
    cookieHeader,
    hasSession: () => jar.has('session'),
    login: (first: number, second: number, loginUrl = '/login?return_to=/') =>
      noted('login', second, () => walk(first, second, loginUrl)),
    /** A call of the app's own; with `cookie`, as somebody who has kept it. */
    call: (broker: number, path = '/api/orders', cookie = cookieHeader()) =>
      noted(
        'call',
        broker,
        () => pools.toBroker(broker, path, { ...script, cookie }),
        sessionIn(cookie),
      ),
    logout: (broker: number) =>
      noted('logout', broker, async () => {
        const csrf = { 'x-xsrf-token': jar.get('XSRF-TOKEN') ?? '' }
        const headers = { ...script, ...csrf, cookie: cookieHeader() }
        const answer = await pools.toBroker(broker, '/logout', headers, 'POST')
        remember(answer)
        return answer
      }),
    /** A logout that the provider orders, by the token it posts. */
    endedByProvider: (broker: number, logoutToken: string) =>
      noted('logout', broker, () => {
        const headers = { 'content-type': 'application/x-www-form-urlencoded' }
        const form = new URLSearchParams({ logout_token: logoutToken })
        return pools.toBroker(broker, '/backchannel-logout', headers, 'POST', form.toString())
      }),
    /** Whether `/session` says that somebody is logged in. */
    authenticated: async (broker: number, cookie = cookieHeader()): Promise<boolean> => {
      const answer = await pools.toBroker(broker, '/session', { ...script, cookie })
      return parsed(answer)['authenticated'] === true
    },
  }
}

export type ChaosUser = ReturnType<typeof chaosUser>
