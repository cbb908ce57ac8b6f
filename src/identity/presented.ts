import type { Caller, CallerClass } from './caller.ts'
import { delegate, lowerClass } from './delegation.ts'
import type { Verifier } from './verify.ts'

/** What a request for a grant shows of who it is from. */
export interface Presented {
  readonly subject: { readonly kind: 'jwt' | 'aws-request'; readonly token: string }
  /** Identity token of whoever acts for the subject. */
  readonly actor?: string
  /** The class that the request asks to be treated as. */
  readonly lowerTo?: CallerClass
}

/**
 * The caller of a request for a grant. Spends single-use tokens. Errors: those of `Verifier`,
 * `delegate` and `lowerClass`.
 */
export async function identify(verifier: Verifier, presented: Presented): Promise<Caller> {
  const { subject, actor, lowerTo } = presented
  const caller =
    subject.kind === 'jwt'
      ? await verifier.verify(subject.token, { spend: true })
      : await verifier.verifyAwsRequest(subject.token)
  const acting =
    actor === undefined ? caller : delegate(caller, await verifier.verify(actor, { spend: true }))
  return lowerTo === undefined ? acting : lowerClass(acting, lowerTo)
}
