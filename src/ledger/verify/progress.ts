import { z } from 'zod'
import { FINDING_CODES } from './finding.ts'
import type { HistoryState } from './history.ts'

const index = z.int().min(0)
const head = z.strictObject({ size: index, root: z.base64() })

const finding = z.strictObject({
  code: z.enum(FINDING_CODES),
  message: z.string(),
  index: index.exactOptional(),
  path: z.string().exactOptional(),
})

/** How far a verification got: all it needs to go on as if it had never stopped. */
export const progressSchema = z.strictObject({
  /** The head that was being verified; the log must still contain it. */
  head,
  size: index,
  /** Hashes of the tiles that are not full yet, level by level, base64. */
  partial: z.array(z.base64()).max(64),
  differences: z.array(z.strictObject({ path: z.string(), level: index, entry: index })),
  findings: z.array(finding),
  keys: z.array(z.string()),
  history: z.custom<HistoryState>((value) => typeof value === 'object' && value !== null),
})
export type Progress = z.infer<typeof progressSchema>

/** Lets a long verification be stopped, and keeps what it has done so far. */
export interface Interruption {
  readonly signal: AbortSignal
  readonly everyMs: number
  save(progress: Progress): Promise<void>
}
