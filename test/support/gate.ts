/** A promise that the test settles when it wants: work that is held up until then. */
export const gate = <T>() => {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<T>((settle, refuse) => {
    resolve = settle
    reject = refuse
  })
  return {
    promise,
    resolve: (value: T): void => resolve(value),
    reject: (error: Error): void => reject(error),
  }
}
