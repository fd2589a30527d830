/** What a pure validator returns: a value, or a tagged reason meant for the log. */
export type Result<T, R> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: R }

/** A success that carries its value. */
export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value })

/** A refusal that carries its reason. */
export const err = <R>(reason: R): { readonly ok: false; readonly reason: R } => ({
  ok: false,
  reason,
})
