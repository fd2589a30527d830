import { z } from 'zod'

const ownPaths =
  /^\/(?:login|callback|logout|session|livez|readyz|metrics|admin|forward-auth|backchannel-logout|frontchannel-logout|openapi\.json|\.well-known)(?:\/|$)/

/** A canonical path that is none of the broker's own: where a route or a tenant can be. */
export const plainPath = z
  .string()
  .regex(/^(?:\/[A-Za-z0-9_~!$&'()*+,=:@.-]+)+$/, 'must be a plain path such as /api/orders')
  .refine((path) => !/\/\.{1,2}(?:\/|$)/.test(path), 'has a dot segment')
  // Taken to the letter it would match nothing, and its rules would protect nothing.
  .refine((path) => !/\*|\/:/.test(path), 'has a wildcard: a path takes all that is below it')
  .refine((path) => !ownPaths.test(path), "is one of the broker's own addresses")
