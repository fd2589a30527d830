type Answer = { readonly status: number; readonly location?: URL; readonly text: string }

/** A browser without scripts: keeps cookies by host and path, follows redirects only when asked. */
export const jar = () => {
  const cookies = new Map<string, { readonly value: string; readonly path: string }>()

  const keep = (url: URL, line: string) => {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = '', value = ''] = pair.split('=', 2)
    const path = attributes.find((a) => a.toLowerCase().startsWith('path='))?.slice(5) ?? '/'
    const key = `${url.host} ${path} ${name}`
    if (value === '') cookies.delete(key)
    else cookies.set(key, { value: `${name}=${value}`, path })
  }

  const cookieHeader = (url: URL) =>
    [...cookies]
      .filter(([key, { path }]) => key.startsWith(`${url.host} `) && url.pathname.startsWith(path))
      .map(([, { value }]) => value)
      .join('; ')

  const send = async (url: URL, init: RequestInit = {}): Promise<Answer> => {
    const headers = { Accept: 'text/html', Cookie: cookieHeader(url) }
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) keep(url, line)
    const location = response.headers.get('location')
    const text = await response.text()
    const next = location === null ? {} : { location: new URL(location, url) }
    return { status: response.status, text, ...next }
  }

  return {
    get: (url: URL) => send(url),
    post: (url: URL, fields: Record<string, string>) =>
      send(url, { method: 'POST', body: new URLSearchParams(fields) }),
    /** Follows redirects as long as they stay on the host. */
    follow: async (answer: Answer, host: string): Promise<Answer> => {
      let current = answer
      while (current.location?.host === host) current = await send(current.location)
      return current
    },
  }
}

/** Where a page's form goes, and its hidden fields. */
export const formOf = (text: string, base: URL) => {
  const action = /<form[^>]*action="([^"]+)"/.exec(text)?.[1] ?? ''
  const hidden = [...text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
    /name="([^"]+)"/.exec(tag)?.[1] ?? '',
    /value="([^"]*)"/.exec(tag)?.[1] ?? '',
  ])
  const fields = Object.fromEntries(hidden) as Record<string, string>
  return { action: new URL(action, base), fields }
}
