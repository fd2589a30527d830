import type { Logger } from 'pino'
import { pino } from 'pino'
import pretty from 'pino-pretty'
import type { LogSettings } from '../config/config.ts'

/** The process's log on `destination`: JSON lines, logfmt, or coloured text for a person; `base` is in each line. */
export const processLog = (
  settings: LogSettings,
  destination: NodeJS.WritableStream,
  base: Readonly<Record<string, unknown>> | null = null,
): Logger => {
  const options = { level: settings.level, base, timestamp: pino.stdTimeFunctions.isoTime }
  switch (settings.format) {
    case 'json':
      return pino(options, inBatches(destination))
    case 'pretty':
      return pino(options, pretty({ destination, colorize: process.stdout.isTTY }))
    case 'logfmt': {
      const lines = inBatches(destination)
      return pino(options, { ...lines, write: (line: string) => lines.write(logfmt(line)) })
    }
  }
}

/**
 * The lines of one turn of the event loop in one write: each write is a system call, and a busy broker ends many calls in
 * one turn. Whoever ends the process calls `flush`; only SIGKILL loses the lines of the turn.
 */
const inBatches = (destination: NodeJS.WritableStream) => {
  let lines = ''
  const flush = () => {
    const text = lines
    lines = ''
    if (text !== '') destination.write(text)
  }
  return {
    flush,
    write: (line: string): void => {
      if (lines === '') setImmediate(flush)
      lines += line
    },
  }
}

/** One JSON log line as `key=value` pairs; a value can neither start a new line nor command the terminal. */
export const logfmt = (line: string): string => {
  // pino wrote the line.
  const fields = JSON.parse(line) as Readonly<Record<string, unknown>>
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${logfmtValue(value)}`)
  return `${pairs.join(' ')}\n`
}

const logfmtValue = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[!#-<>-[\]-~]+$/.test(text) ? text : quoted(text)
}

/** JSON leaves DEL, the C1 controls and the Unicode line separators as they are. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
