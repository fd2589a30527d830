import { secret } from '../../server/core/secret.ts'
import type { ReadyConfig } from '../../server/config/ready-config.ts'
import type { Answer } from './browser.ts'
import { send } from './browser.ts'

export const proxySecret = 'a-secret-of-the-proxy-of-enough-length!'

/** Settings with `/forward-auth` open to whoever shows the secret. */
export const asksAllowed = <C extends ReadyConfig>(config: C): C => ({
  ...config,
  forwardAuthSecret: secret(proxySecret),
})

export type Asked = {
  readonly method?: string
  readonly path: string
  readonly headers?: Record<string, string>
}

/** A proxy's question about a browser's call, at an address that only the proxy knows the broker by. */
export const ask = (
  origin: string,
  { method = 'GET', path, headers = {} }: Asked,
): Promise<Answer> => {
  const { host, ...rest } = headers
  return send(`${origin}/forward-auth`, {
    headers: {
      ...rest,
      host: 'broker.internal:3000',
      'x-forward-auth-secret': proxySecret,
      'x-forwarded-method': method,
      'x-forwarded-uri': path,
      'x-forwarded-host': host ?? new URL(origin).host,
    },
  })
}
