import type { ScriptedIssuer } from './scripted-issuer.ts'

/** The provider offers OpenID Connect Session Management 1.0 from now on; the address of its frame. */
export const offerSessionManagement = ({ issuer, script }: ScriptedIssuer): string => {
  const frame = `${issuer}/check-session`
  script.alterMetadata = (metadata) => ({ ...metadata, check_session_iframe: frame })
  script.alterCallback = (url) => {
    url.searchParams.set('session_state', 'salted-hash.salt')
    return url
  }
  return frame
}
