type CallFrame = {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

type Node = {
  readonly id: number
  readonly callFrame: CallFrame
  readonly children?: readonly number[]
}

/** A `.cpuprofile` as Node writes it (Chrome DevTools protocol, Profiler.Profile). */
export type CpuProfile = {
  readonly nodes: readonly Node[]
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export type SelfTime = {
  /** `server/proxy/judge.ts`, a package, `node:_http_outgoing`, or `native`. */
  readonly module: string
  readonly fn: string
  /** The nearest caller that is ours or a package, itself included: whom the time is spent for. */
  readonly askedBy: string
  readonly us: number
}

type Place = Omit<SelfTime, 'us'>

/** How long the top of the stack was in each function, between two moments; time without work is left out. */
export const selfTimes = (
  profile: CpuProfile,
  { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number },
): readonly SelfTime[] => {
  const places = placesOf(profile.nodes)
  const sums = new Map<string, SelfTime>()
  let atUs = profile.startTime
  profile.samples.forEach((sample, i) => {
    const us = profile.timeDeltas[i] ?? 0
    atUs += us
    const place = places.get(sample)
    if (place === undefined || atUs < fromUs || atUs > toUs || place.fn === '(idle)') return
    const name = [place.module, place.fn, place.askedBy].join('\n')
    sums.set(name, { ...place, us: us + (sums.get(name)?.us ?? 0) })
  })
  return [...sums.values()].toSorted((a, b) => b.us - a.us)
}

const placesOf = (nodes: readonly Node[]): ReadonlyMap<number, Place> => {
  const parents = new Map(
    nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)),
  )
  const askedBy = (node: Node): string => {
    for (let at: Node | undefined = node; at !== undefined; at = parents.get(at.id)) {
      const module = moduleOf(at.callFrame)
      if (module !== 'native' && module !== 'V8' && !module.startsWith('node:')) return module
    }
    return moduleOf(node.callFrame) === 'V8' ? 'V8' : 'node'
  }
  return new Map(
    nodes.map((node) => {
      const { callFrame } = node
      const place = { module: moduleOf(callFrame), fn: nameOf(callFrame), askedBy: askedBy(node) }
      return [node.id, place] as const
    }),
  )
}

const moduleOf = ({ url, functionName }: CallFrame): string => {
  const dependency = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]
  if (dependency !== undefined) return dependency
  const own = /\/(server\/.+)$/.exec(url)?.[1]
  if (own !== undefined) return own
  if (url.startsWith('node:')) return url.replace(/^node:internal\/(?:deps\/)?/, 'node:')
  return functionName.startsWith('(') ? 'V8' : 'native'
}

const nameOf = ({ functionName, lineNumber }: CallFrame): string =>
  functionName === '' ? `(anonymous, line ${lineNumber + 1})` : functionName
