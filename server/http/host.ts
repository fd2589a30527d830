/** `host` or `host:port` as browsers send it for this origin: lower case, default port left out. */
export const hostOf = (origin: string): string => new URL(origin).host
