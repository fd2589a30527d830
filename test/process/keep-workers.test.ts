import assert from 'node:assert/strict'
import type { Worker } from 'node:cluster'
import { EventEmitter } from 'node:events'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { silentLog } from '../../server/core/log.ts'
import { keepWorkers } from '../../server/workers.ts'

/** Processes that are none: the test says when one serves and when it ends. */
const setUp = (t: TestContext, count: number) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const forked: { emitter: EventEmitter; signals: string[] }[] = []
  const failed: number[] = []
  let serving = 0
  const workers = keepWorkers({
    count,
    log: silentLog,
    fork: () => {
      const signals: string[] = []
      const kill = (signal: string) => void signals.push(signal)
      const pid = 100 + forked.length
      const send = (word: string) => void signals.push(word)
      const emitter = Object.assign(new EventEmitter(), { id: pid, process: { pid, kill }, send })
      forked.push({ emitter, signals })
      // Of a Worker, keepWorkers uses these parts alone.
      return emitter as unknown as Worker
    },
    onServing: () => {
      serving += 1
    },
    onFailed: (code) => void failed.push(code),
  })
  const at = (index: number) => {
    const one = forked[index]
    assert.ok(one, `no worker ${index}`)
    return one
  }
  const serve = (index: number) => void at(index).emitter.emit('message', 'ready')
  const end = async (index: number, code: number | null, signal: string | null = null) => {
    at(index).emitter.emit('exit', code, signal)
    await turn()
  }
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms)
    await turn()
  }
  const signals = () => forked.map((one) => one.signals.join(' '))
  return { workers, forked, failed, at, serve, end, pass, signals, serving: () => serving }
}

test('keepWorkers › all serve › told once, also after a replacement', async (t) => {
  const { forked, serve, end, serving } = setUp(t, 2)
  serve(0)
  assert.equal(serving(), 0)
  serve(1)
  assert.equal(serving(), 1)
  await end(0, null, 'SIGKILL')
  serve(2)
  assert.deepEqual([forked.length, serving()], [3, 1])
})

test('keepWorkers › a signal while one starts › reaches it once it serves, which it would not survive before', (t) => {
  const { workers, serve, signals } = setUp(t, 3)
  serve(0)
  workers.signal('SIGHUP')
  workers.signal('SIGHUP')
  assert.deepEqual(signals(), ['SIGHUP SIGHUP', '', ''])
  serve(1)
  assert.deepEqual(signals(), ['SIGHUP SIGHUP', 'SIGHUP', ''])
  workers.signal('SIGHUP')
  serve(2)
  assert.deepEqual(signals(), ['SIGHUP SIGHUP SIGHUP', 'SIGHUP SIGHUP', 'SIGHUP'])
})

test('keepWorkers › one that served ends, however › replaced at once', async (t) => {
  const { forked, serve, end } = setUp(t, 2)
  serve(0)
  serve(1)
  await end(1, null, 'SIGKILL')
  await end(0, 0)
  assert.equal(forked.length, 4)
})

test('keepWorkers › replacements end at their start › after 1, 2, 4 … 30 s, and at once again after one that served', async (t) => {
  const { forked, serve, end, pass } = setUp(t, 2)
  serve(0)
  serve(1)
  await end(1, 1)
  for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
    const before = forked.length
    await end(before - 1, 1)
    await pass(seconds * 1_000 - 1)
    assert.equal(forked.length, before, `${seconds} s`)
    await pass(1)
    assert.equal(forked.length, before + 1, `${seconds} s`)
  }
  serve(forked.length - 1)
  const before = forked.length
  await end(before - 1, 1)
  assert.equal(forked.length, before + 1)
  await end(before, 1)
  await pass(1_000)
  assert.equal(forked.length, before + 2)
})

for (const [code, signal, exit] of [[78, null, 78], [1, null, 1], [0, null, 1], [null, 'SIGKILL', 1]] as const)
  test(`keepWorkers › all end at their start by ${code ?? signal} › given up with ${exit}, nothing started anew`, async (t) => {
    const { forked, failed, end } = setUp(t, 2)
    await end(0, code, signal)
    assert.deepEqual(failed, [])
    await end(1, code, signal)
    assert.deepEqual(failed, [exit])
    assert.equal(forked.length, 2)
  }) // prettier-ignore

test('keepWorkers › a process cannot be made › as one that ended at its start', async (t) => {
  const { forked, failed, at, serve, pass } = setUp(t, 2)
  serve(0)
  Object.assign(at(1).emitter, { process: { pid: undefined } })
  at(1).emitter.emit('error', new Error('EAGAIN'))
  await turn()
  await pass(1_000)
  assert.deepEqual([forked.length, failed], [3, []])
})

test('keepWorkers › stop › the signal to each, resolves when all have ended, replaces nobody', async (t) => {
  const { workers, forked, serve, end, pass, signals } = setUp(t, 2)
  serve(0)
  let stopped = false
  const stopping = workers.stop('SIGTERM', 5_000).then(() => {
    stopped = true
  })
  assert.deepEqual(signals(), ['SIGTERM', 'SIGTERM'])
  await end(0, 0)
  assert.equal(stopped, false)
  await end(1, null, 'SIGTERM')
  await stopping
  await pass(60_000)
  assert.deepEqual([forked.length, signals()], [2, ['SIGTERM', 'SIGTERM']])
})

test('keepWorkers › stop, one has drained before the other › both leave the port together', async (t) => {
  const { workers, at, end, signals } = setUp(t, 3)
  const stopping = workers.stop('SIGTERM', 5_000)
  at(0).emitter.emit('message', 'drained')
  assert.deepEqual(signals(), ['SIGTERM', 'SIGTERM', 'SIGTERM'])
  await end(1, null, 'SIGKILL')
  assert.deepEqual(signals(), ['SIGTERM', 'SIGTERM', 'SIGTERM'])
  at(2).emitter.emit('message', 'drained')
  assert.deepEqual(signals(), ['SIGTERM leave', 'SIGTERM', 'SIGTERM leave'])
  await end(0, 0)
  await end(2, 0)
  await stopping
})

test('keepWorkers › one drains by a signal of its own › leaves at once, and is replaced', async (t) => {
  const { forked, at, serve, end, signals } = setUp(t, 2)
  serve(0)
  serve(1)
  at(1).emitter.emit('message', 'drained')
  assert.deepEqual(signals(), ['', 'leave'])
  await end(1, 0)
  assert.equal(forked.length, 3)
})

test('keepWorkers › stop while one waits for its next start › it starts no more', async (t) => {
  const { workers, forked, serve, end, pass } = setUp(t, 2)
  serve(0)
  await end(1, 1)
  const stopping = workers.stop('SIGTERM', 5_000)
  await end(0, 0)
  await stopping
  await pass(60_000)
  assert.equal(forked.length, 2)
})

test('keepWorkers › one does not end in time › killed', async (t) => {
  const { workers, end, pass, signals } = setUp(t, 2)
  const stopping = workers.stop('SIGINT', 5_000)
  await end(0, 0)
  await pass(5_000)
  await stopping
  assert.deepEqual(signals(), ['SIGINT', 'SIGINT SIGKILL'])
})
