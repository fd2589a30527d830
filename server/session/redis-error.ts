/**
 * An ioredis error as text and code alone.
 * ioredis hangs the failed command with its arguments on the error: the password of AUTH, or a record, would go to the log.
 */
export const bareError = (error: unknown): Error => {
  if (!(error instanceof Error)) return new Error(String(error))
  const { name, message } = error
  const code = 'code' in error ? { code: error.code } : {}
  return Object.assign(new Error(message), { name, ...code })
}

/** The code of an error reply, such as WRONGTYPE: the protocol gives it as the first word, and nowhere else. */
export const replyCode = (error: unknown): string | undefined =>
  error instanceof Error && error.name === 'ReplyError' ? error.message.split(' ', 1)[0] : undefined
