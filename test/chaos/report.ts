import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import process from 'node:process'
import type { Figures } from './figures.ts'

/** What each scenario shows, for a reader who does not know the code. */
const stories: Record<string, string> = {
  storm:
    'The access token of a session is over; then all calls come at once, on all instances. Session after session, expiry after expiry.',
  slow: 'The token endpoint takes a random time before it answers. Callers wait `OIDC_TIMEOUT_MS`; the grant is waited for.',
  logout:
    'Four calls and as many reads of `/session` are in flight on all instances while the session is logged out; in half of the races a refresh runs too. 100 ms after the answer, a call to each instance with the cookie that was.',
  coherence:
    'Every broker holds the sessions it has opened, and all are called at all brokers, about forty times a second each. Between each broker and Redis stands a proxy that knows the connection which brings news of ended sessions. Of one broker, that connection is destroyed and refused, or late, or held up while it stays open, or the PINGs that prove its order do not get through; or the process is stopped by SIGSTOP for 0.3-1 s, again and again, and calls wait at its door. Meanwhile sessions are logged out at any broker, by their user or by the back channel, from a little before the fault until a little after it; others come to their idle and absolute deadlines. All times are of one process. "Looks" are reads of the session that the proxy saw: a broker without news must look within the 100 ms before a call that it accepts.',
  kills:
    'SIGKILL of a broker before and after each of its Redis commands in a login, a refresh and a logout; when the provider has received a refresh, and when it has committed it; and at random moments with five sessions at work. Each is started again. A broker that nobody kills serves the same sessions.',
  redis:
    'One Redis with `--appendonly yes`: SIGKILL and a new start after 2.5 s; SIGSTOP for 2.5 s. Tokens run out all the time; a quarter of the users have logged out a moment before.',
  sentinel:
    'A primary, a replica and three Sentinels (`down-after-milliseconds 1000`): SIGKILL of the primary. "Healing" counts from the promotion.',
  provider:
    'The provider answers 503, then 429 with `Retry-After`, then refuses connections, also while a broker starts, and exchanges all its signing keys.',
  mix: 'Logins, calls, parallel calls at expiry and logouts, drawn by lot, under one fault after the other, drawn by lot.',
  keycloak:
    'The storm again, with Keycloak 26.7.3 as the provider: "Revoke Refresh Token" on, reuse 0. Grants are the events that it has recorded itself.',
}

export type Run = { readonly name: string; readonly figures: Figures }

/** docs/reliability.md, from the figures of one run. */
export const reliabilityReport = (runs: readonly Run[], seed: number): string =>
  [intro(seed), ...runs.map(({ name, figures }) => chapter(name, figures)), limits].join('\n\n')

const intro = (seed: number): string => `# Reliability

Written by \`npm run chaos\`; every number is of that run. The brokers are processes (\`node server/main.ts\`) on loopback,
Redis is a real one, the provider is strict: a refresh token is good once, and a second use revokes its family.

- machine: ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), shared by brokers, Redis, provider, API and clients
- Node ${process.version}, ${redisVersion()}
- seed: \`CHAOS_SEED=${seed}\` draws the same faults and steps again; what the machine makes of them is its own
- sizes: \`CHAOS_…\` in \`test/chaos/suite.ts\`

A checker (\`test/chaos/checker.ts\`) judges the whole history of each scenario:

1. no call that started 100 ms after its session's logout had answered was accepted;
2. no access token reached the API after it had been replaced for longer than its life;
3. no refresh token was sent twice, except where the provider had answered 429 or 503, or never got it;
4. no session was lost except by a listed cause;
5. no call that started 100 ms after its session's idle or absolute deadline was accepted;
6. no broker accepted a call on what it had seen in Redis more than 1.1 s before, or 100 ms before where news could not reach it.

## Listed causes of a lost session

| cause | what the app sees | the way back |
| --- | --- | --- |
| idle or absolute deadline | 401 \`session_expired\` | a login |
| logout | 401 \`session_revoked\` | a login |
| the provider answered \`invalid_grant\` | 401 \`session_expired\` | a login |
| in doubt: a refresh was sent and its answer lost (cut, timed out, 500, 502, 504) | 401 \`session_expired\`, \`login_url\` with \`prompt=none\` | a login without a form |
| in doubt: the broker was killed between the intent to refresh and the save of its answer | the same | the same |
| Redis lost a write and its maker had died before it could make it again | 401 \`session_expired\` | a login |`

const chapter = (
  name: string,
  { name: title, seconds, facts, faults, gaps, logged }: Figures,
): string => {
  const rows = Object.entries(facts).map(([fact, value]) => `| ${fact} | ${value} |`)
  const messages = Object.entries(logged).filter(([message]) => !message.startsWith('http'))
  const log = messages.map(([message, count]) => `${count} × "${message}"`).join(', ')
  return [
    `## ${title}`,
    stories[name] ?? '',
    `${seconds} s. ${faults.length === 0 ? 'All demands held.' : 'NOT all demands held:'}`,
    ...faults.map((fault) => `- ${fault}`),
    ...gaps.map((gap) => `Known gap: ${gap}.`),
    ['| | |', '| --- | --- |', ...rows].join('\n'),
    ...(log === '' ? [] : [`Logged at \`warn\` and above: ${log}.`]),
  ].join('\n\n')
}

const limits = `## What this does not show

One machine: no network partition, no clock skew between instances, no disk that fills. The kill of Redis keeps what
its append-only file had been given; a machine that loses power loses up to the last second of it.`

const redisVersion = (): string => {
  const text = execFileSync('redis-server', ['--version'], { encoding: 'utf8' })
  return `Redis ${/v=([\d.]+)/.exec(text)?.[1] ?? 'unknown'}`
}
