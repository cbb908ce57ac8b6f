import { html } from 'hono/html'
import type { ConsoleParts } from '../console.ts'
import type { View } from '../page.ts'

export function signInView({ signIn }: ConsoleParts, base: string, to: string): View {
  const start = `${base}/sign-in/start?to=${encodeURIComponent(to)}`
  return {
    title: 'Sign in',
    body: html`<section class="alone">
<h1>Sign in</h1>
<p>Pending approvals, live grants, the log and the scopes in force, for operators, approvers and auditors.</p>
<p><a class="button" href="${start}">Sign in with ${signIn.config.issuer}</a></p>
<p class="rest">at ${new URL(signIn.issuer.issuer).host}</p>
</section>`,
  }
}

export function signedOutView(base: string): View {
  return {
    title: 'Signed out',
    body: html`<section class="alone">
<h1>Signed out</h1>
<p>The session is over, here and on every replica of the broker. Your identity provider may still know you: sign out there as well if this browser is not yours.</p>
<p><a class="button" href="${base}/sign-in">Sign in again</a></p>
</section>`,
  }
}
