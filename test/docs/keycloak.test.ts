import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loaded, provider } from '../config/loading.ts'

type RealmFile = Readonly<
  Record<'accessTokenLifespan' | 'ssoSessionIdleTimeout' | 'ssoSessionMaxLifespan', number>
>

// The file's own shape, as far as it is used here.
const realm = JSON.parse(readFileSync('docs/providers/keycloak-realm.json', 'utf8')) as RealmFile

test('docs/providers/keycloak-realm.json › how long its sessions live › never shorter than ours by default, with a last token unrefreshed', () => {
  const { idleSeconds, absoluteSeconds } = loaded({
    ...provider,
    UPSTREAM: 'http://a.test',
  }).session
  assert.ok(realm.ssoSessionIdleTimeout >= idleSeconds + realm.accessTokenLifespan)
  assert.ok(realm.ssoSessionMaxLifespan >= absoluteSeconds)
})
