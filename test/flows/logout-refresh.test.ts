import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { startWorld, testClock } from '../support/world.ts'

test('logout › a refresh is saved at the last moment (R13, REV-2-a) › the refresh token it brought is the one that is revoked', async (t) => {
  const memory = memoryBackend({ clock: testClock() })
  const hook = { before: (): Promise<unknown> => Promise.resolve() }
  const backend: typeof memory = {
    ...memory,
    end: async (...call) => {
      await hook.before()
      return await memory.end(...call)
    },
  }
  const world = await startWorld(t, { backend })
  const refreshTokens: unknown[] = []
  world.issuer.script.accessTokenSeconds = 90
  world.issuer.script.alterTokenAnswer = (answer) => {
    refreshTokens.push(answer['refresh_token'])
    return answer
  }
  const user = await world.loggedIn()
  const headers = await user.csrf()
  world.clock.advance(91)
  hook.before = async () => assert.equal((await user.call('/api/x')).status, 200)
  assert.equal((await user.call('/logout', { method: 'POST', headers })).status, 200)
  assert.equal(refreshTokens.length, 2)
  assert.deepEqual(world.issuer.revoked, [refreshTokens[1]])
})
