import type { IncomingMessage } from 'node:http'

/** What a call says for itself before its body: a request at our door, or one that a proxy asks about. */
export type Call = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'rawHeaders'>
