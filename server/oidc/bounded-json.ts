/** As much of `fetch` as is used here. */
export type Fetch = (
  url: string,
  options: {
    readonly method: 'GET'
    readonly headers: Record<string, string>
    readonly redirect: 'manual'
    readonly signal: AbortSignal
  },
) => Promise<Response>

export type Reading = {
  readonly fetch: Fetch
  readonly timeoutMs: number
}

const longestBytes = 1_048_576

export class Unreadable extends Error {
  override readonly name = 'Unreadable'
  readonly status: number | undefined

  constructor(message: string, status?: number) {
    super(message)
    this.status = status
  }
}

/**
 * A JSON document of 1 MiB at most, header and body within one deadline; rejects otherwise. No redirect is followed: who may
 * redirect would choose whose keys are believed.
 */
export const boundedJson = async (url: string, { fetch, timeoutMs }: Reading): Promise<unknown> => {
  const response = await fetch(url, {
    method: 'GET',
    headers: { accept: 'application/json, application/jwk-set+json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status === 200) return JSON.parse(await boundedText(response))
  await response.body?.cancel()
  throw new Unreadable(`status ${response.status} from ${url}`, response.status)
}

const boundedText = async (response: Response): Promise<string> => {
  if (response.body === null) return ''
  const chunks: Uint8Array[] = []
  let length = 0
  // The body of a fetch is a stream of bytes.
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength
    // Leaving the loop cancels the stream.
    if (length > longestBytes) throw new Unreadable(`more than ${longestBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
