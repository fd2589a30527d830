import { Writable } from 'node:stream'
import type { Log } from '../../server/core/log.ts'
import { processLog } from '../../server/http/log.ts'

/** The process's own JSON log, kept as text: what an operator's collector would get. */
export const capturedLog = (): { readonly log: Log; readonly text: () => string } => {
  const chunks: string[] = []
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString('utf8'))
      done()
    },
  })
  const log = processLog({ level: 'debug', format: 'json' }, destination)
  const text = () => {
    log.flush()
    return chunks.join('')
  }
  return { log, text }
}
