/** The promise's value, or the error of `late()` when it takes longer; the work itself goes on. */
export const withDeadline = async <T>(
  work: Promise<T>,
  timeoutMs: number,
  late: () => Error,
): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs)
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}
