export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a parsed value is an object with members: neither a list nor null. */
export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
