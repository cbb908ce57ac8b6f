import { z } from 'zod'
import type { Problem } from '../document/diagnostic.ts'
import { fields } from '../document/fields.ts'
import { slug } from '../document/text.ts'
import { exactUrl } from '../identity/exact-url.ts'
import { secretReference } from '../secret/reference.ts'

/** Forms in which entries leave the log: docs/exports.md. */
export const EXPORT_FORMATS = ['jsonl', 'cloudevents', 'ocsf', 'dsse'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

const exportSchema = fields({
  /** Every batch is posted here; nothing it answers is followed. */
  url: exactUrl,
  format: z.enum(EXPORT_FORMATS),
  /** Sent as a bearer token. */
  token: secretReference.optional(),
  /** Ed25519 key that signs envelopes: another one than the log's. */
  signing_key: secretReference.optional(),
})
export type ExportConfig = z.infer<typeof exportSchema>

/** Where entries are sent as they come, by name. A new name starts at the first entry. */
export const exportsSection = z.record(slug, exportSchema)
export type ExportsConfig = z.infer<typeof exportsSection>

const MAX_EXPORTS = 8

export function exportProblems(section: ExportsConfig): Problem[] {
  const count = Object.keys(section).length
  const many = { path: [], message: `${count} exports`, expected: `at most ${MAX_EXPORTS}` }
  return [
    ...(count > MAX_EXPORTS ? [many] : []),
    ...Object.entries(section).flatMap(([name, { format, signing_key: key }]): Problem[] => {
      if ((format === 'dsse') === (key !== undefined)) return []
      return format === 'dsse'
        ? [{ path: [name], message: 'dsse is signed', expected: 'a signing_key' }]
        : [
            {
              path: [name, 'signing_key'],
              message: `${format} is not signed`,
              expected: 'format dsse',
            },
          ]
    }),
  ]
}
