import { z } from 'zod'
import { CredctlError } from '../errors.ts'
import { entrySchema } from '../ledger/entry-schema.ts'
import type { EntryFilter } from '../ledger/search.ts'
import type { ConsoleContext } from './console.ts'

/** Kinds of entries, as the log's schema lists them. */
export const ENTRY_KINDS = entrySchema.options.map(({ shape }) => shape.kind.value)

/** Fields of a search form are sent empty when nobody filled them. */
const field = <T extends z.ZodType>(schema: T) =>
  z
    .literal('')
    .transform(() => undefined)
    .or(schema)
    .optional()

const text = field(z.string().trim().max(512))
/** As `<input type="datetime-local">` sends it; in UTC. */
const time = field(z.string().regex(/^[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/)).refine(
  (value) => value === undefined || !Number.isNaN(Date.parse(`${value}Z`)),
)

const logQuery = z.strictObject({
  kind: field(z.enum(ENTRY_KINDS)),
  grant: text,
  subject: text,
  scope: text,
  environment: text,
  from: time,
  until: time,
  before: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .optional(),
})
export type LogQuery = z.output<typeof logQuery>

/** A misspelt filter must not mean "everything": what is unknown or given twice is refused. */
export function readLogQuery({ req }: ConsoleContext): LogQuery {
  const given = Object.entries(req.queries())
  const single = given.map(([name, values]) => [name, values.length === 1 ? values[0] : values])
  const parsed = logQuery.safeParse(Object.fromEntries(single))
  if (parsed.success) return parsed.data
  const where = parsed.error.issues[0]?.path.join('.') || 'the address'
  throw new CredctlError('request_invalid', `this filter is not accepted: ${where}`, {
    hint: 'Each at most once: kind, grant, subject, scope, environment, from, until, before.',
  })
}

export function filterOf({ from, until, before: _before, ...names }: LogQuery): EntryFilter {
  const filter: Record<string, unknown> = {
    ...names,
    from: from === undefined ? undefined : new Date(`${from}Z`),
    until: until === undefined ? undefined : new Date(`${until}Z`),
  }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}
