import { writeFileSync } from 'node:fs'
import { failures } from '../server/core/failures.ts'

/** docs/errors.md: every code a client can meet, from the table that the broker answers with. */
export const errorDocs = (): string => {
  const rows = Object.entries(failures).map(
    ([code, { status, title, mend }]) => `| \`${code}\` | ${status} | ${title}. | ${mend} |`,
  )
  return `# Errors

Every refusal of the broker is \`application/problem+json\` (RFC 9457) with \`type\`, \`title\`, \`status\`, \`code\`, \`detail\` and
\`request_id\`, and \`login_url\` where logging in would help; a navigation gets a page with the same facts. \`code\` is stable: a
program decides by it. \`request_id\` is in the log, in the \`X-Request-Id\` header and in what the upstream got. A 503 carries
\`Retry-After\`, a 405 \`Allow\`, a 401 \`WWW-Authenticate: Session\`. Nothing is ever redirected to the provider but a navigation to
\`/login\`.

| code | status | what happened | what to do |
|---|---|---|---|
${rows.join('\n')}

The list is written from \`server/core/failures.ts\` by \`node scripts/write-error-docs.ts\`; a test holds the two together.
`
}

if (import.meta.main) writeFileSync('docs/errors.md', errorDocs())
