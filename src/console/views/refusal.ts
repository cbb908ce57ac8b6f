import type { Context } from 'hono'
import { html } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ProblemDocument } from '../../contract.ts'
import type { CredctlError } from '../../errors.ts'
import { StepUpRequired, wishOf } from '../../identity/step-up.ts'
import type { ConsoleParts } from '../console.ts'
import { answerPage } from '../page.ts'
import { basePath } from '../place.ts'
import { signInAgain } from '../sign-in/again.ts'
import { type Html, seen } from '../words.ts'

/** A refusal or failure as a page: the same words and the same silence as the API's. */
export function refusalPage(
  parts: ConsoleParts,
  context: Context,
  problem: ProblemDocument,
  error: CredctlError,
): Response | Promise<Response> {
  const { title, detail, hint, code, request, status } = problem
  const words = title.charAt(0).toUpperCase() + title.slice(1)
  const body = html`<section class="alone">
<h1>${words}</h1>
${detail === undefined ? html`<p>Something failed inside the broker; its log says what.</p>` : html`<p>${seen(detail)}</p>`}
${hint === undefined || error instanceof StepUpRequired ? '' : html`<p>${seen(hint)}</p>`}
${nextStep(parts, context, error)}
<p class="rest">${code} · request ${request}</p>
</section>`
  return answerPage(parts, context, { title: words, body }, status as ContentfulStatusCode)
}

/** A newer login lifts one refusal; for all others the way leads back. */
function nextStep(parts: ConsoleParts, { req }: Context, error: CredctlError): Html {
  const base = basePath(parts)
  if (!(error instanceof StepUpRequired)) {
    return html`<p><a class="button quiet" href="${base}">To the console</a></p>`
  }
  // Back to the page that has the form, not to the address that it was sent to.
  const page = req.path.replace(/^\/console/, '').replace(/\/[a-z]+$/, '')
  const address = signInAgain(parts, `${base}${page}`, wishOf(error))
  return html`<p><a class="button" href="${address}">Sign in again</a></p>`
}
