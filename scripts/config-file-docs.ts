/** The part of docs/configuration.md about CONFIG_FILE; a test holds its tables against the schema. */
export const configFileDocs = `## CONFIG_FILE

\`CONFIG_FILE\` names a file of YAML or JSON, 4 MiB at most, with the routes, and with tenants where there are several; \`UPSTREAM\` must be unset then. \`UPSTREAM\` alone means one
route \`/api\` with \`websocket: true\` and the defaults below.

\`\`\`yaml
routes:
  - path: /api/orders
    methods: [GET, POST]
    upstream: ['http://10.0.0.5:8080', 'http://10.0.0.6:8080']
    strip_prefix: /api
    scope: openid orders
  - path: /api/events
    upstream: '\${EVENTS_ORIGIN}'
    websocket: true
    timeout: { idle: 10m }
  - path: /api/public
    upstream: 'http://10.0.0.7:8080'
    token: none
    public: true
\`\`\`

- \`"\${NAME}"\` is the environment variable of that name, \`"\${file:/path}"\` the content of that file, less the blanks around it. Both
  are put in after the file is parsed: what they hold stays one text and cannot add a key. Unset or unreadable is an error.
- The file is valid as a whole or not at all: an unknown key, a key that comes twice, a path that comes twice, and a feature
  that this version does not have are errors, each with its place, such as \`routes[0].timeout.connect\`. A misspelt rule would
  protect nothing.
- It is read at the start, and again at \`SIGHUP\` and when it changes: see [routes.md](routes.md).
- An origin is scheme, host and port, with no path. A path is plain: letters, digits and the marks that need no escape, no dot
  segments, no slash at the end.

### routes

| key | type | without it | what it does |
|---|---|---|---|
| \`path\` | path | required | The prefix this route takes. The longest wins, by whole segments. Not an address of the broker itself. |
| \`tenants\` | list of ids | all | The tenants whose users may call it; others get 403 \`forbidden_tenant\`. |
| \`methods\` | list of \`GET\`, \`HEAD\`, \`POST\`, \`PUT\`, \`PATCH\`, \`DELETE\`, \`OPTIONS\` | all | Any other method gets 405. |
| \`upstream\` | origin, or list of origins | required | Where calls go. Several take turns, less those that are down. |
| \`strip_prefix\` | path | nothing stripped | The beginning of \`path\`, by whole segments, that the upstream does not see. |
| \`token\` | \`user\`, \`optional\`, \`service\`, \`exchange\` or \`none\` | \`user\` | Which access token goes along: the user's; the user's if there is a session; the broker's own; one exchanged for the user's; none (a session is needed all the same). See [token-kinds.md](token-kinds.md). |
| \`public\` | boolean | \`false\` | \`true\`: no session is needed. Takes \`token: none\` or \`token: optional\`. |
| \`audience\` | text | the login's | Asks for a token for this audience. One token is kept for each (audience, resource, scope). |
| \`resource\` | text | the login's | Asks for a token for this resource (RFC 8707). |
| \`scope\` | text | the login's | Asks for a token with these scopes. |
| \`require.roles.any\` | list of roles | no rule | The user has one of them. |
| \`require.roles.all\` | list of roles | no rule | The user has all of them. |
| \`require.roles.read\` | list of roles | no rule | As \`any\`, for \`GET\`, \`HEAD\` and \`OPTIONS\`. |
| \`require.roles.write\` | list of roles | no rule | As \`any\`, for unsafe methods and WebSockets. |
| \`require.scopes\` | list of scopes | no rule | The access token was granted them all. |
| \`require.acr\` | list of values | no rule | The login has one of these levels, or 401 \`step_up_required\`. |
| \`require.max_age\` | seconds, 1 or more | no rule | The login is not older than this, or 401 \`step_up_required\`. |
| \`verify_token\` | boolean | \`false\` | \`true\`: the access token is checked here as well as in the service. Needs an \`audience\` or \`resource\`, of the route or the login's. |
| \`csrf\` | boolean | \`true\` | \`false\`: no CSRF token is asked for. Calls from other sites are refused all the same. |
| \`cors\` | list of origins | none | Other origins whose pages may call. |
| \`headers\` | names and texts | none | Headers made from claims, such as \`X-User: "{claims.sub}"\`. |
| \`pass.set_cookie\` | boolean | \`false\` | The upstream's \`Set-Cookie\` reaches the browser. |
| \`pass.cookies\` | list of names | none | Cookies of the browser that reach the upstream, never the broker's own. |
| \`pass.cache\` | boolean | \`false\` | The upstream's \`Cache-Control\` stands. Without it: \`no-store\`. |
| \`pass.html\` | boolean | \`false\` | The upstream's own content policy stands, and its pages run in the app's origin. Without it: sandboxed. |
| \`pass.www_authenticate\` | boolean | \`false\` | The upstream's \`WWW-Authenticate\` reaches the browser. |
| \`timeout.connect\` | duration | \`2s\` | How long connecting may take, the handshake of TLS included. |
| \`timeout.first_byte\` | duration | \`25s\` | How long the upstream may take to begin its answer. |
| \`timeout.idle\` | duration | \`55s\` | How long an answer or an upload may pause; an event stream may pause for ever. |
| \`limits.body\` | size | \`100mb\` | A larger request body gets 413. |
| \`limits.concurrent\` | whole number | none | How many calls and WebSockets may be under way at once, in each process. One more gets 429. |
| \`limits.rate\` | rate, such as \`100/s\` or \`600/m\` | none | How many calls one session may make, in each process; without a session, one client address. One more gets 429. |
| \`websocket\` | boolean | \`false\` | \`true\`: WebSocket upgrades go through. |
| \`retry.idempotent\` | 0 to 5 | 1 | How often a GET, HEAD, OPTIONS, PUT or DELETE is sent again, to the next upstream if there are several, when its connection failed before anything was answered. A body longer than 64 KiB is sent once. |
| \`tls.ca\` | PEM text | the system's | The certificates that vouch for an \`https\` upstream, instead of the system's. |

[routes.md](routes.md) shows what the keys do, with an example each. A duration is a whole number and \`ms\`, \`s\` or \`m\`; a size a whole number and \`b\`, \`kb\`, \`mb\` or \`gb\`, by 1024.

### tenants

With \`tenants\` in the file, \`OIDC_*\` may be unset; set, they make the default tenant, whose id is \`default\` and whose host is
BASE_URL's. [tenants.md](tenants.md) says what keeps tenants apart.

| key | as | what it says |
|---|---|---|
| \`id\` | | Letters, digits, \`-\` and \`_\`; two may not differ by case alone. \`default\` is taken while \`OIDC_*\` is set. |
| \`hosts\` | | Hosts of its own, without port: scheme and port are those of \`BASE_URL\`. |
| \`path_prefix\` | | Where it is on BASE_URL's host, such as \`/t/acme\`; no route and no other prefix may lie in it. One of the two is needed. |
| \`issuer\` | \`OIDC_ISSUER\` | (issuer, client.id) is one tenant's alone. |
| \`discovery_url\` | \`OIDC_DISCOVERY_URL\` | |
| \`profile\` | \`OIDC_PROFILE\` | |
| \`client.id\` | \`OIDC_CLIENT_ID\` | |
| \`client.secret\` | \`OIDC_CLIENT_SECRET\` | |
| \`client.secret_next\` | \`OIDC_CLIENT_SECRET_NEXT\` | |
| \`client.auth\` | \`OIDC_CLIENT_AUTH\` | |
| \`client.keys\` | \`OIDC_CLIENT_KEYS\` | The JSON as one text: \`"\${file:/run/keys.json}"\`. |
| \`client.allow_public\` | \`OIDC_ALLOW_PUBLIC_CLIENT\` | |
| \`scope\` | \`OIDC_SCOPE\` | A text or a list. |
| \`resource\` | \`OIDC_RESOURCE\` | |
| \`audience\` | \`OIDC_AUDIENCE\` | |
| \`auth_params\` | \`OIDC_AUTH_PARAMS\` | A query string, or names and texts. |
| \`allow\` | \`OIDC_ALLOW\` | A text, or a list of rules. |
| \`roles_claim\` | \`OIDC_ROLES_CLAIM\` | |
| \`tenant_claim\` | | The claim that must hold the tenant's id; see [tenants.md](tenants.md). |
| \`tenant_claim_values\` | | What it must hold one of instead, such as a tenant's GUID. |
| \`response_mode\` | \`OIDC_RESPONSE_MODE\` | |
| \`par\` | \`OIDC_PAR\` | |
| \`dpop\` | \`OIDC_DPOP\` | |
| \`frontchannel\` | \`OIDC_FRONTCHANNEL\` | |
| \`logout_typ\` | \`OIDC_LOGOUT_TYP\` | |
| \`logout_hint\` | \`OIDC_LOGOUT_HINT\` | |
| \`timeout_ms\` | \`OIDC_TIMEOUT_MS\` | |
| \`refresh_leeway_seconds\` | \`OIDC_REFRESH_LEEWAY_SECONDS\` | |
| \`session.idle_seconds\` | \`SESSION_IDLE_SECONDS\` | Without it: the variable's. |
| \`session.absolute_seconds\` | \`SESSION_ABSOLUTE_SECONDS\` | Without it: the variable's. |

What stands beside a variable has its meaning and its default, and is checked by its rules.
`
