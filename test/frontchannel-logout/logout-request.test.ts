import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asIssuer } from '../../server/core/ids.ts'
import type { NamedBy } from '../../server/frontchannel-logout/logout-request.ts'
import { readLogoutRequest } from '../../server/frontchannel-logout/logout-request.ts'

const issuer = asIssuer('https://id.example/realms/a')
const iss = encodeURIComponent(issuer)

/** The query, and the session that each kind of provider names by it; undefined where it is refused. */
const table: readonly (readonly [string, string | undefined, string | undefined])[] = [
  [`iss=${iss}&sid=s1`, 's1', 's1'],
  [`sid=s1&iss=${iss}&ui_locales=de`, 's1', 's1'],
  ['sid=s1', undefined, 's1'],
  [`iss=${iss}`, undefined, undefined],
  ['', undefined, undefined],
  [`iss=${iss}&sid=`, undefined, undefined],
  ['iss=&sid=s1', undefined, undefined],
  [`iss=${iss}%2F&sid=s1`, undefined, undefined],
  ['iss=https%3A%2F%2FID.example%2Frealms%2Fa&sid=s1', undefined, undefined],
  ['iss=https%3A%2F%2Fevil.example&sid=s1', undefined, undefined],
  [`iss=${iss}&iss=${iss}&sid=s1`, undefined, undefined],
  [`iss=${iss}&sid=s1&sid=s1`, undefined, undefined],
  ['sid=s1&sid=s2', undefined, undefined],
  [`iss=${iss}&sid=${'s'.repeat(1_024)}`, 's'.repeat(1_024), 's'.repeat(1_024)],
  [`iss=${iss}&sid=${'s'.repeat(1_025)}`, undefined, undefined],
]

for (const [query, both, alone] of table)
  for (const [namedBy, sid] of [
    ['iss_and_sid', both],
    ['sid_alone', alone],
  ] satisfies readonly (readonly [NamedBy, string | undefined])[])
    test(`readLogoutRequest › FCL-2-b ${namedBy}, ${query.slice(0, 70)} › ${sid?.slice(0, 5) ?? 'refused'}`, () => {
      const read = readLogoutRequest(new URLSearchParams(query), { issuer, namedBy })
      assert.equal(read.ok ? read.value : undefined, sid)
    })
