import { isAbsolute } from 'node:path'
import { z } from 'zod'
import type { Problem } from '../document/diagnostic.ts'
import { fields } from '../document/fields.ts'
import { duration, slug } from '../document/text.ts'
import { exactUrl } from '../identity/exact-url.ts'

const absolutePath = z
  .string()
  .max(1024)
  .refine((text) => isAbsolute(text) && !text.includes('\0'), 'not an absolute path')

const HOUR = 3600

/** How often at most a new checkpoint is put there. */
const every = duration({ min: 1, max: 24 * HOUR }).default(600)

const file = fields({
  /** Checkpoints are appended to it and nothing else is done with it. */
  path: absolutePath,
})

const s3 = fields({
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'not a name of a bucket'),
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'not a region, such as eu-central-1'),
  prefix: z
    .string()
    .regex(
      /^([A-Za-z0-9][A-Za-z0-9._-]{0,63}\/){0,8}$/,
      'not a prefix: names, each with a slash after it',
    )
    .default('credctl/'),
  /** Days for which nobody, the account's root included, can remove a checkpoint. */
  retain_days: z.int().min(1).max(36_500).default(3650),
  /** Of a store that speaks S3 but is not AWS. */
  endpoint: exactUrl.optional(),
})

const git = fields({
  /** A working repository of this anchor alone. */
  directory: absolutePath,
  /** Remote to push to after each commit; without it somebody else fetches. */
  remote: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'not a name of a remote, such as origin')
    .optional(),
  branch: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'not a name of a branch, such as main')
    .default('main'),
})

const anchor = z.union([fields({ file, every }), fields({ s3, every }), fields({ git, every })])
export type AnchorConfig = z.infer<typeof anchor>
export type S3AnchorConfig = z.infer<typeof s3>
export type GitAnchorConfig = z.infer<typeof git>

/** Places that this broker can add checkpoints to and cannot take them away from, by name. */
export const anchorsSection = z.record(slug, anchor)
export type AnchorsConfig = z.infer<typeof anchorsSection>

const MAX_ANCHORS = 16

export function anchorProblems(section: AnchorsConfig | undefined): Problem[] {
  const count = Object.keys(section ?? {}).length
  if (count <= MAX_ANCHORS) return []
  return [{ path: [], message: `${count} anchors`, expected: `at most ${MAX_ANCHORS}` }]
}
