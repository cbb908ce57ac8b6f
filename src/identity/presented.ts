import type { Caller, CallerClass } from './caller.ts'
import { delegate, lowerClass } from './delegation.ts'
import type { Use, Verifier } from './verify.ts'

/** What a request for a grant shows of who it is from. */
export interface Presented {
  readonly subject: { readonly kind: 'jwt' | 'aws-request'; readonly token: string }
  /** Identity token of whoever acts for the subject. */
  readonly actor?: string
  /** The class that the request asks to be treated as. */
  readonly lowerTo?: CallerClass
}

/**
 * The caller of a request for a grant. Spends single-use tokens, unless told that they only prove
 * who polls for a request made before. Errors: those of `Verifier`, `delegate` and `lowerClass`.
 */
export async function identify(
  verifier: Verifier,
  presented: Presented,
  use: Use = { spend: true },
): Promise<Caller> {
  const { subject, actor, lowerTo } = presented
  const caller =
    subject.kind === 'jwt'
      ? await verifier.verify(subject.token, use)
      : await verifier.verifyAwsRequest(subject.token)
  const acting = actor === undefined ? caller : delegate(caller, await verifier.verify(actor, use))
  return lowerTo === undefined ? acting : lowerClass(acting, lowerTo)
}
