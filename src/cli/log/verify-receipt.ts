import { readFile } from 'node:fs/promises'
import { CredctlError } from '../../errors.ts'
import { cosignaturesOf } from '../../ledger/cosignature.ts'
import { quorumHolds } from '../../ledger/policy.ts'
import { type SignedCheckpoint, verifyReceipt } from '../../ledger/verify.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { type LogVerifyReceiptOutput, logReceiptOutput } from '../output/log.ts'
import { answer, printable } from '../terminal.ts'
import { type EvidenceFlags, readTrust, type Trust } from './evidence.ts'

/** `credctl log verify-receipt FILE --key KEY`: offline, with nothing but the log's key. */
export default async function verifyReceipts(
  cli: Cli,
  flags: Pick<EvidenceFlags, 'key' | 'policy'> & OutputFlag,
  file: string,
): Promise<number> {
  const trust = await readTrust(flags)
  const { id, receipts } = await readReceipts(file)
  const verified = receipts.map(({ index, entry, receipt }) => {
    const proven = verifyReceipt(receipt, Buffer.from(entry), trust.keys)
    requireQuorum(proven.checkpoint, trust)
    // The number beside a receipt proves nothing; the one inside it does.
    if (proven.index !== index) throw damaged(file, `entry ${index} is number ${proven.index}`)
    if (!names(entry, id)) throw damaged(file, `entry ${index} is not of grant ${id}`)
    return { index, origin: proven.checkpoint.origin, size: proven.checkpoint.size }
  })
  const value: LogVerifyReceiptOutput = { ok: true, id, receipts: verified }
  answer(cli, flags, value, text)
  return EXIT.ok
}

/** A reader who trusts witnesses believes no checkpoint without enough of them. */
function requireQuorum({ note, size }: SignedCheckpoint, { policy }: Trust): void {
  if (policy === undefined) return
  const cosigned = cosignaturesOf(note, [...policy.witnesses.values()])
  if (quorumHolds(policy, new Set(cosigned.map(({ vkey }) => vkey)))) return
  const names = cosigned.map(({ witness }) => witness).join(', ') || 'nobody'
  throw new CredctlError(
    'log_invalid',
    `the checkpoint of ${size} entries has not enough witnesses; cosigned by ${names}`,
    { hint: 'Ask for the receipt again a little later: witnesses follow.' },
  )
}

async function readReceipts(file: string) {
  try {
    const list = logReceiptOutput.parse(JSON.parse(await readFile(file, 'utf8')))
    if (list.receipts.length === 0) throw new RangeError('no receipt is in it')
    return list
  } catch (cause) {
    const hint = 'Expected the answer of credctl log receipt.'
    throw new CredctlError('log_invalid', `${file} holds no receipts`, { hint, cause })
  }
}

function names(entry: string, grant: string): boolean {
  const value: unknown = JSON.parse(entry)
  return typeof value === 'object' && value !== null && 'grant' in value && value.grant === grant
}

function damaged(file: string, why: string): CredctlError {
  return new CredctlError('log_invalid', `${file} says more than it proves: ${why}`)
}

function text({ id, receipts }: LogVerifyReceiptOutput): string {
  const lines = receipts.map(
    ({ index, origin, size }) => `entry ${index} is in ${origin} (${size} entries)`,
  )
  return [`grant ${id}`, ...lines].map((line) => `${printable(line)}\n`).join('')
}
