/** RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined. */
export const isOurClient = (
  authorization: string | undefined,
  clientId: string,
  secrets: readonly string[],
): boolean => {
  const [scheme, credentials = ''] = (authorization ?? '').split(' ')
  const [id, secret = ''] = Buffer.from(credentials, 'base64')
    .toString('utf8')
    .split(':')
    .map(formDecode)
  return scheme === 'Basic' && id === clientId && secrets.includes(secret)
}

const formDecode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))
