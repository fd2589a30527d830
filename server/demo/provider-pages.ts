import type { DemoAccount } from './accounts.ts'
import type { Html } from './html.ts'
import { html, trusted } from './html.ts'

export const assetPaths = { style: '/demo/pages.css', script: '/demo/continue.js' } as const

/** Sends the logout form that the page holds; the button is there for browsers without scripts. */
export const continueScript = `document.getElementById('op.logoutForm')?.requestSubmit()\n`

export type LoginPage = {
  readonly action: string
  readonly username: string
  readonly accounts: readonly DemoAccount[]
  readonly problem?: string
}

/** The login form, with the demo's people as a hint. */
export const loginPage = ({ action, username, accounts, problem }: LoginPage): string =>
  page(
    'Log in',
    html`<h1>Log in</h1>
      <p class="lead">to continue to the Latchkey demo</p>
      ${problem === undefined ? '' : html`<p class="problem" role="alert">${problem}</p>`}
      <form method="post" action="${action}">
        <label for="username">Username</label>
        <input
          id="username"
          name="username"
          value="${username}"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          required
          ${username === '' ? trusted('autofocus') : ''}
        />
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          ${username === '' ? '' : trusted('autofocus')}
        />
        <button type="submit">Log in</button>
      </form>
      ${hint(accounts)}`,
  )

const hint = (accounts: readonly DemoAccount[]): Html =>
  html`<section class="hint" aria-labelledby="hint-title">
    <h2 id="hint-title">People you can be here</h2>
    <table>
      <thead>
        <tr>
          <th scope="col">Username</th>
          <th scope="col">Password</th>
          <th scope="col">Roles</th>
        </tr>
      </thead>
      <tbody>
        ${accounts.map(
          ({ username, password, roles }) =>
            html`<tr>
              <td><code>${username}</code></td>
              <td><code>${password}</code></td>
              <td>${roles.join(', ')}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </section>`

export type LogoutPage = {
  /** oidc-provider's own form, `op.logoutForm`, with its XSRF value. */
  readonly form: string
  /** Whether the app proved with an ID token that it asks; otherwise the person decides. */
  readonly asked: boolean
}

/** The page that ends the provider's session: by itself when the app proved that it asks, else by a button. */
export const logoutPage = ({ form, asked }: LogoutPage): string =>
  page(
    'Log out',
    html`<h1>${asked ? 'Logging you out …' : 'Log out?'}</h1>
      <p class="lead">
        ${asked ? 'This takes a moment.' : 'This ends your session at the demo provider.'}
      </p>
      ${trusted(form)}
      <input type="hidden" name="logout" value="yes" form="op.logoutForm" />
      <button type="submit" form="op.logoutForm" autofocus>
        ${asked ? 'Continue' : 'Yes, log me out'}
      </button>
      ${asked ? html`<script src="${assetPaths.script}" defer></script>` : ''}`,
  )

export type MessagePage = {
  readonly title: string
  readonly text: string
  readonly link?: { readonly href: string; readonly label: string }
}

/** A short message with a way on. */
export const messagePage = ({ title, text, link }: MessagePage): string =>
  page(
    title,
    html`<h1>${title}</h1>
      <p class="lead">${text}</p>
      ${link === undefined ? '' : html`<a class="button" href="${link.href}">${link.label}</a>`}`,
  )

const page = (title: string, main: Html): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Demo provider</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${assetPaths.style}" />
      </head>
      <body>
        <main>
          <p class="brand">Demo identity provider</p>
          ${main}
        </main>
        <footer>For development on this machine only. Nothing here is secret.</footer>
      </body>
    </html>`.markup
