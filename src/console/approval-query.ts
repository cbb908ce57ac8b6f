import type { z } from 'zod'
import { approvalQuery } from '../contract/approvals.ts'
import { CredctlError } from '../errors.ts'
import type { ConsoleContext } from './console.ts'

export type ApprovalListQuery = z.infer<typeof approvalQuery>

/** The filters of `GET /v1/approvals`; a search form sends what nobody filled as empty text. */
export function readApprovalQuery({ req }: ConsoleContext): ApprovalListQuery {
  const given = Object.entries(req.queries()).filter(([, values]) => values.join('') !== '')
  const single = given.map(([name, values]) => [name, values.length === 1 ? values[0] : values])
  const parsed = approvalQuery.safeParse(Object.fromEntries(single))
  if (parsed.success) return parsed.data
  throw new CredctlError('request_invalid', 'this filter is not accepted', {
    hint: 'Names are of lower-case letters, digits and hyphens.',
  })
}
