type Failure = { readonly status: number; readonly title: string; readonly mend: string }

/** Every error code a client can meet: its status, what happened, and what to do about it. */
export const failures = {
  invalid_request: {
    status: 400,
    title: 'The request is malformed',
    mend: 'Send each of Host, Authorization and the session cookie at most once, in their standard form.',
  },
  invalid_path: {
    status: 400,
    title: 'The path is not in canonical form',
    mend: 'Send the path without dot segments, empty segments, backslashes, semicolons or encoded separators.',
  },
  invalid_return_to: {
    status: 400,
    title: 'return_to is not an address of this app',
    mend: 'Give return_to as a path with query on this origin, such as /orders?page=2.',
  },
  invalid_parameter: {
    status: 400,
    title: 'A parameter is not valid',
    mend: 'The detail names the parameter and what it takes.',
  },
  unknown_tenant: {
    status: 400,
    title: 'There is no such tenant',
    mend: 'Give the id of a configured tenant, on the origin of BASE_URL; leave it out at a tenant of its own.',
  },
  login_failed: {
    status: 400,
    title: 'The login did not succeed',
    mend: 'Start again at /login. The log has the reason under the same request_id.',
  },
  login_cookie_missing: {
    status: 400,
    title: 'The browser did not send the login cookie back',
    mend: 'Allow cookies for this site and start again at /login. Where they are allowed, the provider gives back another state than it got.',
  },
  login_required: { status: 401, title: 'No session', mend: 'Navigate to login_url.' },
  session_expired: {
    status: 401,
    title: 'The session has expired',
    mend: 'Navigate to login_url.',
  },
  step_up_required: {
    status: 401,
    title: 'A stronger or fresher login is needed',
    mend: 'Navigate to login_url: it asks the provider for what is missing. Then call again.',
  },
  session_revoked: { status: 401, title: 'The session was ended', mend: 'Navigate to login_url.' },
  navigation_required: {
    status: 403,
    title: 'This address is for navigations only',
    mend: 'Send the browser there (location.assign), not fetch, a frame or a prefetch.',
  },
  not_allowed: {
    status: 403,
    title: 'This account may not use this app',
    mend: 'Log in as someone else at login_url. Who may is the rule of OIDC_ALLOW; the log says how this account fell short.',
  },
  cross_site: {
    status: 403,
    title: 'The call came from another site',
    mend: 'Call from the app itself, or add the origin to the cors list of the route.',
  },
  csrf_missing: {
    status: 403,
    title: 'The CSRF token is missing',
    mend: 'Send csrf_token of /session as X-CSRF-Token, or the XSRF-TOKEN cookie as X-XSRF-TOKEN.',
  },
  csrf_invalid: {
    status: 403,
    title: 'The CSRF token is wrong',
    mend: 'Read /session again: the token changes with each login.',
  },
  forbidden_tenant: {
    status: 403,
    title: 'This belongs to another tenant',
    mend: 'Log in at the tenant whose address this is.',
  },
  forbidden_role: {
    status: 403,
    title: 'The user does not have the role for this',
    mend: 'Give the user one of the roles in require.roles of the route, and log in again.',
  },
  insufficient_scope: {
    status: 403,
    title: 'The access token does not have the scopes for this',
    mend: 'Ask for the scopes in require.scopes of the route, by OIDC_SCOPE or scope of the route, and log in again.',
  },
  step_up_failed: {
    status: 403,
    title: 'Stronger logins did not satisfy the API',
    mend: 'Wait five minutes. What the API asks for is not what the provider gives: compare their acr and max_age.',
  },
  no_route: {
    status: 404,
    title: 'Nothing is here',
    mend: 'Check the path against the configured routes.',
  },
  not_found: { status: 404, title: 'Not found', mend: 'Check the address.' },
  method_not_allowed: {
    status: 405,
    title: 'The method is not allowed here',
    mend: 'Use one of the methods in the Allow header.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    mend: 'Send less, or raise limits.body of the route.',
  },
  unknown_host: {
    status: 421,
    title: 'This host is not served here',
    mend: "Use the origin of BASE_URL or a tenant's host; behind a proxy, pass the Host header on.",
  },
  too_many_requests: {
    status: 429,
    title: 'Too many calls',
    mend: 'Wait Retry-After seconds, or raise limits.rate or limits.concurrent of the route.',
  },
  too_many_websockets: {
    status: 429,
    title: 'The session has too many WebSockets open',
    mend: 'Close some of them, or share one among the tabs of the app.',
  },
  internal_error: {
    status: 500,
    title: 'Something broke in the broker',
    mend: 'Report the request_id: the log has the cause.',
  },
  token_refused: {
    status: 502,
    title: 'The identity provider gives no token for this API',
    mend: "Not a matter of logging in: the operator finds the provider's reason in the log, and compares token, audience, resource and scope of the route with what the client may ask for.",
  },
  upstream_unreachable: {
    status: 502,
    title: 'The API cannot be reached',
    mend: 'Try again; the operator finds the cause in the log under the request_id.',
  },
  store_unavailable: {
    status: 503,
    title: 'The session store cannot be reached',
    mend: 'Try again after Retry-After seconds; the session is kept.',
  },
  websockets_exhausted: {
    status: 503,
    title: 'No more WebSockets fit here',
    mend: 'Try again after Retry-After seconds; the operator adds processes.',
  },
  idp_unavailable: {
    status: 503,
    title: 'The identity provider cannot be reached',
    mend: 'Try again after Retry-After seconds; the session is kept.',
  },
  upstream_timeout: {
    status: 504,
    title: 'The API did not answer in time',
    mend: 'Try again, or raise timeout.first_byte of the route.',
  },
} as const satisfies Record<string, Failure>

/** A stable error code, as clients read it in `code`. */
export type FailureCode = keyof typeof failures
