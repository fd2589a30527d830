/** The values under one name in a `Cookie` header, in order; names compare by case. RFC 6265 section 4.2. */
export const cookieValues = (headerText: string | undefined, name: string): string[] => {
  if (headerText === undefined) return []
  const values: string[] = []
  for (const pair of headerText.split(';')) {
    const split = pair.indexOf('=')
    if (split !== -1 && pair.slice(0, split).trim() === name)
      values.push(pair.slice(split + 1).trim())
  }
  return values
}

/** A `Cookie` header with only, or without, the pairs whose name passes; undefined when none is left. */
export const filterCookies = (
  headerText: string,
  keep: (name: string) => boolean,
): string | undefined => {
  const kept = headerText
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => keep(pair.split('=', 1)[0]?.trim() ?? ''))
  return kept.length > 0 ? kept.join('; ') : undefined
}

export type CookieFlags = {
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly sameSite: 'Strict' | 'Lax' | 'None'
  readonly maxAgeSeconds: number
  /** Without it `/`, as the `__Host-` prefixes demand. */
  readonly path?: string
}

/** A `Set-Cookie` value without Domain: for this host alone. */
export const setCookie = (name: string, value: string, flags: CookieFlags): string =>
  [
    `${name}=${value}`,
    `Path=${flags.path ?? '/'}`,
    `Max-Age=${flags.maxAgeSeconds}`,
    `SameSite=${flags.sameSite}`,
    ...(flags.httpOnly ? ['HttpOnly'] : []),
    ...(flags.secure ? ['Secure'] : []),
  ].join('; ')

/**
 * The broker's cookie names: on https with the prefix that lets neither scripts nor subdomains set them. Tenants that share a
 * host have their ids in them.
 */
export const cookieNames = (secure: boolean, tenant?: string) => {
  const prefix = secure ? '__Host-Http-' : ''
  const suffix = tenant === undefined ? '' : `-${tenant}`
  return {
    session: `${prefix}session${suffix}`,
    login: `${prefix}login${suffix}`,
    csrf: 'XSRF-TOKEN',
  } as const
}

export type CookieNames = ReturnType<typeof cookieNames>

/** Whether a cookie is the broker's own, in any spelling a browser or an older deployment may send. */
export const isOwnCookie = (name: string): boolean =>
  /^(?:__host-(?:http-)?)?(?:session|login)(?:-.*)?$/i.test(name) || name === 'XSRF-TOKEN'
