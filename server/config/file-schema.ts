import { z } from 'zod'
import { claimHeader } from './claim-headers.ts'
import type { Parser } from './parsers.ts'
import {
  origin as parseOrigin,
  readableCertificates,
  resource as parseResource,
} from './parsers.ts'
import { plainPath } from './plain-path.ts'
import { tenantSchema } from './tenant-schema.ts'

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 }
const unitBytes: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1_024,
  mb: 1_048_576,
  gb: 1_073_741_824,
}

const quantity = (pattern: RegExp, units: Readonly<Record<string, number>>, example: string) =>
  z
    .string()
    .regex(pattern, `must be written like ${example}`)
    .transform((text) => {
      const [, digits, unit = ''] = pattern.exec(text) ?? []
      return Number(digits) * (units[unit] ?? 1)
    })

/** Longer than this, a timer of Node goes off at once. */
const longestMs = 2_147_483_647
const duration = quantity(/^([1-9]\d{0,8})(ms|s|m)$/, unitMs, '25s').refine(
  (ms) => ms <= longestMs,
  'is longer than 24 days',
)
const size = quantity(/^(\d{1,9})(b|kb|mb|gb)$/, unitBytes, '100mb')

const parsedText = <T>(parse: Parser<T>) =>
  z.string().transform((text, context) => {
    const parsed = parse(text)
    if (parsed.ok) return parsed.value
    context.addIssue({ code: 'custom', message: parsed.reason })
    return z.NEVER
  })

const originText = parsedText(parseOrigin)

const rate = z
  .string()
  .regex(/^[1-9]\d{0,8}\/[sm]$/, 'must be written like 100/s')
  .transform((text) => {
    const [calls, unit] = text.split('/')
    return { calls: Number(calls), seconds: unit === 'm' ? 60 : 1 }
  })

const claimHeaders = z.record(z.string(), z.string()).transform((table, context) => {
  const names = Object.keys(table).map((name) => name.toLowerCase())
  if (new Set(names).size < names.length)
    context.addIssue({ code: 'custom', message: 'has one name twice' })
  return Object.entries(table).flatMap(([name, template]) => {
    const parsed = claimHeader(name, template)
    if (parsed.ok) return [parsed.value]
    context.addIssue({ code: 'custom', path: [name], message: parsed.reason })
    return []
  })
})

/** One text stands for a list of one. */
const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(item).min(1))

const roleList = z.array(z.string().min(1)).min(1)
/** RFC 6749 section 3.3. */
const scopePattern = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/

/** What a scope is made of (RFC 6749 section 3.3), and an acr where several stand in one parameter. */
const wordList = z
  .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'must be one word, without quotes'))
  .min(1)
  .max(10)

/** A rule that names nothing reads like one that protects something. */
const namesSomething = (rules: object) => Object.values(rules).some((rule) => rule !== undefined)

const requirement = z
  .strictObject({
    roles: z
      .strictObject({
        any: roleList.optional(),
        all: roleList.optional(),
        read: roleList.optional(),
        write: roleList.optional(),
      })
      .refine(namesSomething, 'has no rule')
      .optional(),
    scopes: wordList.optional(),
    acr: wordList.optional(),
    max_age: z.int().min(1).max(99_999_999).optional(),
  })
  .refine(namesSomething, 'has no rule')

const flag = z.boolean()

const routeSchema = z
  .strictObject({
    path: plainPath,
    tenants: z.array(z.string()).min(1).optional(),
    methods: z
      .array(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']))
      .min(1)
      .optional(),
    upstream: oneOrMore(originText),
    strip_prefix: plainPath.optional(),
    token: z.enum(['user', 'optional', 'service', 'exchange', 'none']).optional(),
    public: flag.optional(),
    audience: z.string().min(1).optional(),
    resource: parsedText(parseResource).optional(),
    scope: z.string().regex(scopePattern, 'must be scopes with one blank between them').optional(),
    require: requirement.optional(),
    verify_token: flag.optional(),
    csrf: flag.optional(),
    cors: z.array(originText).optional(),
    headers: claimHeaders.optional(),
    pass: z
      .strictObject({
        set_cookie: flag.optional(),
        cookies: z.array(z.string().min(1)).optional(),
        cache: flag.optional(),
        html: flag.optional(),
        www_authenticate: flag.optional(),
      })
      .optional(),
    timeout: z
      .strictObject({
        connect: duration.optional(),
        first_byte: duration.optional(),
        idle: duration.optional(),
      })
      .optional(),
    limits: z
      .strictObject({
        body: size.optional(),
        concurrent: z.int().min(1).optional(),
        rate: rate.optional(),
      })
      .optional(),
    websocket: flag.optional(),
    retry: z.strictObject({ idempotent: z.int().min(0).max(5) }).optional(),
    tls: z.strictObject({ ca: parsedText(readableCertificates) }).optional(),
  })
  .refine(({ public: open, token }) => open !== true || token === 'none' || token === 'optional', {
    path: ['public'],
    message: 'takes token: none or token: optional',
  })
  .refine(
    ({ token, audience, resource, scope }) =>
      token !== 'exchange' || [audience, resource, scope].some((named) => named !== undefined),
    { path: ['token'], message: 'exchange needs audience, resource or scope: a token for what' },
  )
  .refine(({ public: open, require }) => open !== true || require === undefined, {
    path: ['require'],
    message: 'is for routes that need a session, and this one is public',
  })
  .refine(({ verify_token: verified, token }) => verified !== true || token !== 'none', {
    path: ['verify_token'],
    message: 'is for routes that send a token, and this one has token: none',
  })
  .refine(
    ({ path, strip_prefix: prefix }) => prefix === undefined || `${path}/`.startsWith(`${prefix}/`),
    { path: ['strip_prefix'], message: 'is not the beginning of path, by whole segments' },
  )

/** CONFIG_FILE, whole: an unknown key is an error, since a misspelt rule would protect nothing. */
export const fileSchema = z.strictObject({
  tenants: z.array(tenantSchema).min(1).optional(),
  routes: z.array(routeSchema).min(1),
})

export type FileShape = z.output<typeof fileSchema>
export type RouteShape = z.output<typeof routeSchema>
