import type { Exclusion, Verification } from '../../ledger/verify.ts'
import type { LogVerifyOutput } from '../output/log.ts'
import type { Evidence } from './evidence.ts'
import type { Interrupted } from './resume.ts'

/** The answer for programs; `verifyText` is made from it. */
export function verifyOutput(
  { ok, checkpoint, verified, findings, cosignatures, exclusions }: Verification,
  { remembered, anchors, review }: Evidence,
  interrupted: Interrupted | undefined,
): LogVerifyOutput {
  const head = checkpoint && {
    origin: checkpoint.origin,
    size: checkpoint.size,
    root: checkpoint.root.toString('base64'),
  }
  return {
    ok,
    ...(head === undefined ? {} : { checkpoint: head }),
    verified,
    remembered: remembered.length,
    witnesses: cosignatures.map(({ witness, time }) => ({ witness, time: time.toISOString() })),
    anchors: anchors.map(({ name, heads, unusable }) => ({ name, used: heads.length, unusable })),
    ...(review && { review: { rechecked: review.rechecked, not_rechecked: review.notRechecked } }),
    ...(interrupted && { resumed_from: interrupted.progress.size }),
    exclusions: exclusions.map(({ by, ...exclusion }) => ({ ...exclusion, by: [...by] })),
    findings: [...findings],
  }
}

export function verifyText(output: LogVerifyOutput): string {
  const { ok, checkpoint, verified, remembered, findings, exclusions } = output
  const lines = findings.map(({ code, message }) => `${code}: ${message}`)
  if (ok && checkpoint !== undefined) {
    lines.push(
      `${verified} entries are under the root that ${checkpoint.origin} signed`,
      `root ${checkpoint.root}`,
      `consistent with ${remembered} ${remembered === 1 ? 'head' : 'heads'} verified before`,
    )
  }
  lines.push(...evidenceLines(output))
  if (checkpoint !== undefined) lines.push('', ...exclusions.map(exclusionLine))
  return lines.map((line) => `${line}\n`).join('')
}

function evidenceLines(output: LogVerifyOutput): string[] {
  const { witnesses, anchors, review, resumed_from: from } = output
  const lines = witnesses.map(({ witness, time }) => `cosigned by ${witness} at ${time}`)
  for (const { name, used, unusable } of anchors) {
    const rest = unusable === 0 ? '' : `, ${unusable} that prove nothing`
    lines.push(`anchor ${name}: ${used} ${used === 1 ? 'checkpoint' : 'checkpoints'}${rest}`)
  }
  if (review === undefined) return lines
  const skipped = Object.entries(review.not_rechecked).map(([why, count]) => `${count} ${why}`)
  const where = from === undefined ? '' : `, counted from entry ${from} on`
  lines.push(`${review.rechecked} decisions made again with the same outcome${where}`)
  if (skipped.length > 0) lines.push(`not re-checked: ${skipped.join(', ')}`)
  return lines
}

const WORDS: Readonly<Record<Exclusion['attack'], string>> = {
  altered_entry: 'an altered entry',
  removed_entry: 'a removed entry',
  cut_tail: 'a cut tail',
  forked_history: 'a forked history',
  backdated_entry: 'a backdated entry',
}

/** Says it of whoever holds the key of the log: against others the signature is enough. */
function exclusionLine(exclusion: LogVerifyOutput['exclusions'][number]): string {
  const { attack, excluded, from, to, by, needs } = exclusion
  const what = WORDS[attack].padEnd(18)
  if (!excluded) return `not excluded  ${what}  needs ${needs ?? 'more evidence'}`
  const where = attack === 'cut_tail' ? `below ${to} entries` : `in entries ${from} to ${to - 1}`
  const more = needs === undefined ? '' : `; beyond: ${needs}`
  return `excluded      ${what}  ${where}, by ${by.join(', ')}${more}`
}
