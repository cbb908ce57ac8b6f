import type { z } from 'zod'
import { redactText } from '../ledger/redaction/redaction.ts'

/** Where a body is not accepted. Names in it are the sender's, and end up in answers and logs. */
export function placeOf(error: z.ZodError | undefined): string {
  return redactText(error?.issues[0]?.path.join('.') ?? '').text
}
