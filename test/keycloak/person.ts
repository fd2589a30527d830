import assert from 'node:assert/strict'
import type { Answer } from '../support/browser.ts'
import { browser } from '../support/browser.ts'
import type { PersonName } from './realm.ts'
import { people } from './realm.ts'

const unescaped = (html: string): string =>
  html.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#x2F;', '/')

/** Where the form of a page of Keycloak's goes, and its hidden fields. */
const formOf = ({ text, url }: Answer) => {
  const action = /<form[^>]*action="([^"]+)"/.exec(text)?.[1]
  assert.ok(action, `a form at ${url}: ${text.slice(0, 2_000)}`)
  const hidden = [...text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
    /name="([^"]+)"/.exec(tag)?.[1] ?? '',
    unescaped(/value="([^"]*)"/.exec(tag)?.[1] ?? ''),
  ])
  // Pairs of strings, as made above.
  const fields = Object.fromEntries(hidden) as Record<string, string>
  return { action: new URL(unescaped(action), url).href, fields }
}

/** Whether this is Keycloak's page that asks for a password. */
export const asksForPassword = ({ text }: Answer): boolean => text.includes('id="kc-form-login"')

/** Whether this is Keycloak's page that asks for a one-time code. */
export const asksForCode = ({ text }: Answer): boolean => text.includes('id="kc-otp-login-form"')

/** Somebody with a browser, at the app and at Keycloak. */
export const person = (origin: string) => {
  const app = browser(origin)

  const sendForm = (page: Answer, fields: Record<string, string>) => {
    const form = formOf(page)
    return app.navigate(form.action, 'same-origin', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...form.fields, ...fields }).toString(),
    })
  }

  const fillIn = (
    page: Answer,
    username: PersonName,
    password: string = people[username].password,
  ) => sendForm(page, { username, password })

  /** By Keycloak's form to the page where the app goes on. */
  const logIn = async (username: PersonName, path = '/login'): Promise<Answer> => {
    const page = await app.navigate(path)
    assert.ok(asksForPassword(page), `Keycloak's form at ${page.url}: ${page.status} ${page.text}`)
    const landed = await fillIn(page, username)
    assert.equal(new URL(landed.url).origin, origin, landed.text)
    assert.equal(landed.status, 200, landed.text)
    return landed
  }

  /** As the app does it: by script first, then through Keycloak and back. */
  const logOut = async (): Promise<Answer> => {
    const answer = await app.call('/logout', { method: 'POST', headers: await app.csrf() })
    assert.equal(answer.status, 200, answer.text)
    return await app.navigate(String(answer.json()['redirect_to']), 'same-origin')
  }

  return { app, sendForm, fillIn, logIn, logOut }
}

export type Person = ReturnType<typeof person>
