import type { Backend, ChangeListener } from './backend.ts'

/** The store for rooms that are there for a time: `leave` takes all listeners away that they left there. */
export const leasedBackend = (
  backend: Backend,
): { readonly backend: Backend; readonly leave: () => void } => {
  const leaving = new Set<() => void>()
  let hasLeft = false
  const leased =
    (listen: Backend['onChange']): Backend['onChange'] =>
    (listener: ChangeListener) => {
      const stop = listen(listener)
      leaving.add(stop)
      return () => {
        leaving.delete(stop)
        stop()
      }
    }
  return {
    backend: {
      ...backend,
      onChange: leased(backend.onChange),
      onOwnWrite: leased(backend.onOwnWrite),
      // Who listens no more has heard nothing.
      heardUntilMs: () => (hasLeft ? -Infinity : backend.heardUntilMs()),
    },
    leave: () => {
      hasLeft = true
      leaving.forEach((stop) => stop())
      leaving.clear()
    },
  }
}
