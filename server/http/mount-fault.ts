import type { IncomingMessage } from 'node:http'
import { hasBody } from './raw-headers.ts'

/** Why a broker that is mounted in this place cannot work; undefined where it can. */
export const placeFault = (req: IncomingMessage): string | undefined =>
  Reflect.get(req, 'baseUrl') === '' || !Reflect.has(req, 'baseUrl')
    ? undefined
    : 'The broker is mounted below a path. Its cookies, /login and /callback belong to the origin: mount it with app.use(broker.handler).'

/** Why a request cannot be served after what the embedding app did to it; undefined when it is as it came. */
export const orderFault = (req: IncomingMessage): string | undefined => {
  if (req.readableDidRead && hasBody(req))
    return 'A body parser has read the body. Mount the broker before express.json() and the like.'
  // express-session leaves a request alone that has a session: ours would live in the other one's store and cookie.
  if (Reflect.get(req, 'session') !== undefined)
    return 'Another session middleware ran first. Mount the broker before it.'
  return undefined
}
