import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Interaction, OidcLibrary, OidcProvider } from './oidc-library.ts'
import { demoAccounts, signIn } from './accounts.ts'
import { loginPage, messagePage } from './provider-pages.ts'
import { readBody } from './read-body.ts'

const maxFormBytes = 8_192

export type LoginInteractionDeps = {
  readonly provider: OidcProvider
  readonly isSessionNotFound: OidcLibrary['isSessionNotFound']
  /** Where a person whose login is over starts again. */
  readonly appOrigin: string
}

/** Answers `/interaction/<uid>`: the login form, and what it sends. */
export const loginInteraction = ({
  provider,
  isSessionNotFound,
  appOrigin,
}: LoginInteractionDeps) =>
  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      const interaction = await provider.interactionDetails(req, res)
      // Consent is given beforehand (see `grantEverything`); prompt=consent has nothing left to ask.
      if (interaction.prompt.name !== 'login')
        await provider.interactionFinished(req, res, { consent: {} })
      else if (req.method === 'POST') await finish(provider, req, res)
      else sendForm(res, interaction)
    } catch (error) {
      if (!isSessionNotFound(error)) throw error
      sendHtml(res, 400, loginOver(appOrigin))
    }
  }

const finish = async (
  provider: OidcProvider,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> => {
  const interaction = await provider.interactionDetails(req, res)
  const form = new URLSearchParams((await readBody(req, maxFormBytes)) ?? '')
  const username = form.get('username') ?? ''
  const account = signIn(username, form.get('password') ?? '')
  if (account === undefined) return sendForm(res, interaction, username)
  await provider.interactionFinished(req, res, { login: { accountId: account.username } })
}

const sendForm = (res: ServerResponse, { uid, params }: Interaction, refused?: string): void => {
  const hint = typeof params['login_hint'] === 'string' ? params['login_hint'] : ''
  const form = { action: `/interaction/${uid}`, accounts: demoAccounts }
  if (refused === undefined) return sendHtml(res, 200, loginPage({ ...form, username: hint }))
  const problem = 'That username and password do not go together. Please try again.'
  sendHtml(res, 401, loginPage({ ...form, username: refused, problem }))
}

const loginOver = (appOrigin: string): string =>
  messagePage({
    title: 'This login is over',
    text: 'It took too long, or was finished already. Please start again from the app.',
    link: { href: appOrigin, label: 'Back to the app' },
  })

/** Answers with a page. */
export const sendHtml = (res: ServerResponse, status: number, body: string): void => {
  res.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' })
  res.end(body)
}
