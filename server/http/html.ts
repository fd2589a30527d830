import { createHash } from 'node:crypto'

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as HTML text or attribute value: what a provider or a visitor wrote stays text. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => entities[character] ?? '')

const style = `
:root{color-scheme:light dark;--ink:#1c2430;--soft:#56616f;--paper:#f4f6f9;--card:#fff;--line:#dde3ea;--key:#2456c9}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf4;--soft:#a3afbd;--paper:#11161d;--card:#1a212b;--line:#2c3643;--key:#86aaff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
main{width:min(30rem,100%);background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:2rem}
h1{margin:0 0 .5rem;font-size:1.35rem;line-height:1.3}
p{margin:.5rem 0 1rem}
dl{margin:1.5rem 0 0;padding-top:1rem;border-top:1px solid var(--line);display:grid;grid-template-columns:auto 1fr;gap:.2rem 1rem;font-size:.85rem;color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere;font-family:ui-monospace,monospace}
a.button,button{display:inline-block;border:0;border-radius:.6rem;padding:.65rem 1.2rem;background:var(--key);color:var(--card);font:inherit;font-weight:600;text-decoration:none;cursor:pointer}
a.button:focus-visible,button:focus-visible{outline:3px solid var(--ink);outline-offset:2px}
`

const styleHash = createHash('sha256').update(style).digest('base64')

/** The policy of our own small pages: their one style by hash, forms to the given origins, framed by nobody else, nothing more. */
export const pagePolicy = (
  formOrigins: readonly string[],
  framedBy: readonly string[] = ["'none'"],
): string =>
  [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    `form-action 'self' ${formOrigins.join(' ')}`.trim(),
    "base-uri 'none'",
    `frame-ancestors ${framedBy.join(' ')}`,
  ].join('; ')

export type Page = {
  readonly title: string
  /** Trusted HTML; whatever came from outside went through `escapeHtml`. */
  readonly body: string
  /** Where the page moves on to by itself. */
  readonly refreshTo?: string | undefined
  readonly hasForm?: boolean
  /** The origins that may show it in a frame; without any, nobody may. */
  readonly framedBy?: readonly string[] | undefined
}

/** A whole small page of the broker. */
export const renderPage = (page: Page): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">${
  page.refreshTo === undefined
    ? ''
    : `\n<meta http-equiv="refresh" content="0; url=${escapeHtml(page.refreshTo)}">`
}
<title>${escapeHtml(page.title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(page.title)}</h1>
${page.body}
</main>
</body>
</html>
`

/** A link that looks like a button. */
export const linkButton = (href: string, label: string): string =>
  `<p><a class="button" href="${escapeHtml(href)}">${escapeHtml(label)}</a></p>`
