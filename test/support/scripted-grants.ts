import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { isOurClient } from './basic-client.ts'
import { sendJson } from './plain-http.ts'
import type { ScriptedIssuer } from './scripted-issuer.ts'
import { scriptedClient } from './scripted-issuer.ts'

type Json = Record<string, unknown>

export const clientCredentials = 'client_credentials'
export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** What a test may change; read at every request. */
export type GrantScript = {
  seconds: number
  alter: (answer: Json) => Json
  /** Answers instead of the issuer; true when it did. */
  intercept: (res: ServerResponse, parameters: URLSearchParams) => boolean
  delayMs: number
}

/** Teaches the issuer the two grants that bring no login; strict where the standards are. */
export const scriptGrants = (issuer: ScriptedIssuer) => {
  const script: GrantScript = {
    seconds: 300,
    alter: (answer) => answer,
    intercept: () => false,
    delayMs: 0,
  }
  const usersTokens = new Set<string>()
  issuer.script.alterTokenAnswer = (answer) => {
    usersTokens.add(String(answer['access_token']))
    return answer
  }
  const answerTo = (grantType: string): Json => {
    const isExchange = grantType === tokenExchange
    return script.alter({
      access_token: `${isExchange ? 'tx' : 'cc'}-${randomUUID()}`,
      token_type: 'Bearer',
      expires_in: script.seconds,
      ...(isExchange && { issued_token_type: accessTokenType }),
    })
  }
  issuer.script.interceptToken = async ({ grantType, parameters, authorization }, res) => {
    if (grantType !== clientCredentials && grantType !== tokenExchange) return false
    if (script.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, script.delayMs))
    if (script.intercept(res, parameters)) return true
    if (!isOurClient(authorization, scriptedClient.id, issuer.script.clientSecrets))
      sendJson(res, 401, { error: 'invalid_client' })
    else if (grantType === tokenExchange && !isGoodExchange(parameters, usersTokens))
      sendJson(res, 400, { error: 'invalid_request', error_description: 'Invalid token' })
    else sendJson(res, 200, answerTo(grantType))
    return true
  }
  const requests = (grantType: string): readonly URLSearchParams[] =>
    issuer.tokenRequests
      .filter((request) => request.grantType === grantType)
      .map(({ parameters }) => parameters)
  return {
    script,
    /** As if the provider had ended them before their time. */
    forgetUsersTokens: () => usersTokens.clear(),
    services: () => requests(clientCredentials),
    exchanges: () => requests(tokenExchange),
  }
}

/** RFC 8693 section 2.1. */
const isGoodExchange = (parameters: URLSearchParams, known: ReadonlySet<string>): boolean =>
  parameters.get('subject_token_type') === accessTokenType &&
  parameters.get('requested_token_type') === accessTokenType &&
  known.has(parameters.get('subject_token') ?? '')
