import { z } from 'zod'
import { EXPORT_FORMATS } from '../../config/exports.ts'
import { eraseAnswer, openingList, receiptList } from '../../contract.ts'
import { ATTACKS } from '../../ledger/verify/exclusion.ts'
import { FINDING_CODES } from '../../ledger/verify/finding.ts'

const head = z.strictObject({
  origin: z.string(),
  size: z.int(),
  /** SHA-256, base64. */
  root: z.string(),
})

export const logVerifyOutput = z
  .strictObject({
    ok: z.boolean(),
    checkpoint: head.optional(),
    /** Entries under the signed root. */
    verified: z.int(),
    /** Heads verified before that this log still contains. */
    remembered: z.int(),
    /** Cosignatures of known witnesses on the checkpoint. */
    witnesses: z.array(z.strictObject({ witness: z.string(), time: z.string() })),
    /** Checkpoints kept elsewhere that this log still contains, and records that prove nothing. */
    anchors: z.array(z.strictObject({ name: z.string(), used: z.int(), unusable: z.int() })),
    /** With `--scopes`: decisions made again, and why others were not; of this run alone. */
    review: z
      .strictObject({ rechecked: z.int(), not_rechecked: z.record(z.string(), z.int()) })
      .optional(),
    /** Entries that an interrupted verification had read. */
    resumed_from: z.int().optional(),
    /** Which attacks the evidence excludes, also by whoever holds the key of the log. */
    exclusions: z.array(
      z.strictObject({
        attack: z.enum(ATTACKS),
        excluded: z.boolean(),
        /** Entries it is excluded for: from, and up to but without. */
        from: z.int(),
        to: z.int(),
        by: z.array(z.string()),
        /** What would exclude it, or exclude it for the rest. */
        needs: z.string().optional(),
      }),
    ),
    findings: z.array(
      z.strictObject({
        code: z.enum(FINDING_CODES),
        message: z.string(),
        index: z.int().optional(),
        path: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'LogVerify' })

/** One line of `log show`; `docs/log.md` has the kinds of entries. */
export const logShowOutput = z
  .strictObject({ index: z.int(), entry: z.looseObject({ kind: z.string(), time: z.string() }) })
  .meta({ id: 'LogShow' })

export const logReceiptOutput = receiptList

export { openingList }

/** Values of an entry, proven against it; what was erased is named. */
export const logOpenOutput = z
  .strictObject({
    index: z.int(),
    grant: z.string(),
    values: z.array(
      z.union([
        z.strictObject({
          at: z.string(),
          value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]),
        }),
        z.strictObject({ at: z.string(), erased: z.literal(true) }),
      ]),
    ),
  })
  .meta({ id: 'LogOpen' })
export type LogOpenOutput = z.infer<typeof logOpenOutput>

export const logEraseOutput = eraseAnswer

export const logPolicyOutput = z
  .strictObject({
    /** C2SP tlog-policy. */
    policy: z.string(),
  })
  .meta({ id: 'LogPolicy' })

export const logKeyOutput = z
  .strictObject({ origin: z.string(), key: z.string() })
  .meta({ id: 'LogKey' })

export const logExportOutput = z
  .union([
    z.strictObject({ directory: z.string(), entries: z.int() }),
    z.strictObject({
      file: z.string(),
      format: z.enum(EXPORT_FORMATS),
      /** Written by this run. */
      entries: z.int(),
      /** Index of the first entry of the next run. */
      next: z.int(),
    }),
  ])
  .meta({ id: 'LogExport' })

export const logVerifyReceiptOutput = z
  .strictObject({
    ok: z.literal(true),
    id: z.string(),
    receipts: z.array(z.strictObject({ index: z.int(), origin: z.string(), size: z.int() })),
  })
  .meta({ id: 'LogVerifyReceipt' })

export type LogVerifyOutput = z.infer<typeof logVerifyOutput>
export type LogVerifyReceiptOutput = z.infer<typeof logVerifyReceiptOutput>
export type LogReceiptOutput = z.infer<typeof logReceiptOutput>
