import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { answerPreflight } from '../../server/proxy/cors.ts'
import { route } from '../support/world.ts'

const shared = route('/api', 'http://127.0.0.1:1', { cors: ['https://partner.example'] })

type Case = readonly [
  name: string,
  method: string,
  headers: Record<string, string>,
  answered: boolean,
]

const origin = 'https://partner.example'
const wish = { 'access-control-request-method': 'PUT' }

const cases: readonly Case[] = [
  ['a preflight of a listed origin', 'OPTIONS', { origin, ...wish }, true],
  ['of another origin', 'OPTIONS', { origin: 'https://evil.test', ...wish }, false],
  ['of nobody', 'OPTIONS', wish, false],
  ['of null', 'OPTIONS', { origin: 'null', ...wish }, false],
  ['OPTIONS that is no preflight', 'OPTIONS', { origin }, false],
  ['another method', 'GET', { origin, ...wish }, false],
]

for (const [name, method, headers, answered] of cases)
  test(`answerPreflight › ${name} › ${answered ? 'answered' : 'left to be judged'}`, () => {
    const req = new IncomingMessage(new Socket())
    req.method = method
    Object.assign(req.headers, headers)
    const res = new ServerResponse(req)
    assert.equal(answerPreflight(req, res, shared), answered)
    assert.equal(res.writableEnded, answered)
    assert.equal(res.statusCode, answered ? 204 : 200)
  })
