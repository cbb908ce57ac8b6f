import { isCredctlError } from '../../errors.ts'
import { openCheckpoint, type SignedCheckpoint } from '../checkpoint.ts'
import { type Cosignature, cosignaturesOf } from '../cosignature.ts'
import type { Verifier } from '../note.ts'
import { type Policy, quorumHolds } from '../policy.ts'
import type { LogReader } from '../reader.ts'
import { type Exclusion, exclusionsOf } from './exclusion.ts'
import { DAMAGE, type Finding } from './finding.ts'
import type { Interruption, Progress } from './progress.ts'
import type { Reviewer } from './review.ts'
import { MAX_FINDINGS, Scan } from './scan.ts'
import type { SeenHead } from './seen.ts'

export interface VerifyOptions {
  /** Keys of the log, present and former. */
  readonly keys: readonly Verifier[]
  /** Heads of this log that were verified or kept before: its past must not have changed. */
  readonly seen?: readonly SeenHead[]
  /** Keys whose cosignatures count as somebody else's memory of the log. */
  readonly witnesses?: readonly Verifier[]
  /** Whose cosignatures the checkpoint must have; its witnesses need not be given again. */
  readonly policy?: Policy
  /** Looks at decisions with the reviewed scopes at hand. */
  readonly reviewer?: Reviewer
  /** What an interrupted verification of the same log kept. */
  readonly resume?: Progress
  readonly interruption?: Interruption
  /** Called after each bundle of 256 entries. */
  readonly onProgress?: (entries: number, size: number) => void
  /** Tells so many findings, the damage to the log first; 100 otherwise. */
  readonly maxFindings?: number
}

export interface Verification {
  readonly ok: boolean
  readonly findings: readonly Finding[]
  /** Absent when there is no checkpoint that can be trusted. */
  readonly checkpoint: SignedCheckpoint | undefined
  readonly cosignatures: readonly Cosignature[]
  /** Entries whose bytes are under the signed root; 0 when they are not. */
  readonly verified: number
  /** Which attacks the evidence at hand excludes, also by whoever holds the log's key. */
  readonly exclusions: readonly Exclusion[]
}

const NO_MEMORY = { size: 0, holds: false, seen: [], timesFrom: 0 }

/**
 * Verifies a whole log with nothing but its public keys: the signature, every entry and tile under
 * the signed root, the heads seen before, and what the entries say together. Needs neither broker
 * nor database. Reads each file once; memory does not grow with the log. Errors are those of the
 * reader, and `unavailable` when it was interrupted; what is wrong with the log is a finding.
 */
export async function verifyLog(reader: LogReader, options: VerifyOptions): Promise<Verification> {
  const head = openHead(await reader.checkpoint(), options)
  if ('finding' in head) {
    const nothing = { checkpoint: undefined, cosignatures: [], verified: 0 }
    const exclusions = exclusionsOf(NO_MEMORY)
    return { ok: false, findings: [head.finding], exclusions, ...nothing }
  }
  const { checkpoint, cosignatures } = head
  const lacking = quorumFinding(head, options)
  const resume = takenUp(options.resume, checkpoint)
  const known = (options.seen ?? []).filter(
    ({ origin = checkpoint.origin }) => origin === checkpoint.origin,
  )
  const seen = [...known, ...witnessed(head, options), ...interrupted(options)]
  const scan = new Scan(reader, checkpoint, { ...options, seen, resume })
  const all = [...lacking, ...(await scan.run())]
  const findings = all.slice(0, options.maxFindings ?? MAX_FINDINGS)
  const verified = scan.rootHolds ? checkpoint.size : 0
  const holds = scan.rootHolds && !all.some(({ code }) => DAMAGE.has(code))
  const timesFrom = resume?.size ?? 0
  const exclusions = exclusionsOf({ size: checkpoint.size, holds, seen, timesFrom })
  return { ok: findings.length === 0, findings, verified, checkpoint, cosignatures, exclusions }
}

interface OpenHead {
  readonly checkpoint: SignedCheckpoint
  readonly cosignatures: readonly Cosignature[]
}

function openHead(
  bytes: Uint8Array,
  { keys, witnesses = [], policy }: VerifyOptions,
): OpenHead | { readonly finding: Finding } {
  try {
    const checkpoint = openCheckpoint(bytes, keys)
    const known = [...witnesses, ...(policy?.witnesses.values() ?? [])]
    return { checkpoint, cosignatures: cosignaturesOf(checkpoint.note, known) }
  } catch (error) {
    if (!isCredctlError(error, 'log_invalid')) throw error
    const { message } = error
    return { finding: { code: 'checkpoint_invalid', path: 'checkpoint', message } }
  }
}

function hasQuorum({ cosignatures }: OpenHead, policy: Policy): boolean {
  return quorumHolds(policy, new Set(cosignatures.map(({ vkey }) => vkey)))
}

function quorumFinding(head: OpenHead, { policy }: VerifyOptions): Finding[] {
  if (policy === undefined || hasQuorum(head, policy)) return []
  const names = head.cosignatures.map(({ witness }) => witness).join(', ') || 'nobody'
  const message = `the checkpoint has not enough witnesses; cosigned by ${names}`
  return [{ code: 'quorum_missing', path: 'checkpoint', message }]
}

/** A quorum over this very checkpoint is outside memory of all of it. */
function witnessed(head: OpenHead, { policy }: VerifyOptions): SeenHead[] {
  const { checkpoint, cosignatures } = head
  if (policy === undefined || policy.quorum === 'none' || !hasQuorum(head, policy)) return []
  const time = new Date(Math.min(...cosignatures.map((each) => each.time.getTime())))
  const { size, root } = checkpoint
  return [{ size, root, time, by: { kind: 'witnesses', name: 'witness quorum' } }]
}

/** The head that an interrupted verification was about: its signature was good. */
function interrupted({ resume }: VerifyOptions): SeenHead[] {
  if (resume === undefined) return []
  const { size, root } = resume.head
  const by = { kind: 'remembered', name: 'the interrupted verification' } as const
  return [{ size, root: Buffer.from(root, 'base64'), by }]
}

function takenUp(resume: Progress | undefined, { size }: SignedCheckpoint): Progress | undefined {
  return resume !== undefined && resume.size <= size ? resume : undefined
}
