/** Markup that is safe to send: what `html` made. */
export type Html = { readonly markup: string }

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A template whose values are escaped, unless they are markup themselves (stops script injection). */
export const html = (
  strings: TemplateStringsArray,
  ...values: readonly (string | Html | readonly Html[])[]
): Html => ({
  markup: strings.reduce((text, part, i) => `${text}${markupOf(values[i - 1] ?? '')}${part}`),
})

/** Markup that another program made and vouches for. */
export const trusted = (markup: string): Html => ({ markup })

const markupOf = (value: string | Html | readonly Html[]): string => {
  if (typeof value === 'string') return value.replace(/[&<>"']/g, (char) => escapes[char] ?? '')
  return 'markup' in value ? value.markup : value.map((part) => part.markup).join('')
}
