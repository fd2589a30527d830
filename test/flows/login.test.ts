import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startWorld } from '../support/world.ts'

test('login › a person with an account › has a session, an API with their token, and a way out', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  assert.equal((await user.session())['authenticated'], false)

  const landed = await user.navigate('/login?return_to=/orders%3Fpage%3D2')
  assert.equal(landed.url, `${world.origin}/orders?page=2`)
  const session = await user.session()
  assert.equal(session['authenticated'], true)
  assert.deepEqual(session['roles'], ['orders-read'])

  const answer = await user.call('/api/things?x=1')
  assert.equal(answer.status, 200)
  assert.match(world.upstream.last().headers.authorization ?? '', /^Bearer at-/)
  assert.equal(world.upstream.last().url, '/api/things?x=1')

  const left = await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  assert.equal(left.status, 200)
  assert.equal((await user.session())['authenticated'], false)
  assert.equal(world.issuer.revoked.length, 1)
})
