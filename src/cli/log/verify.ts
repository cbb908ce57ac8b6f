import { resolve } from 'node:path'
import { isCredctlError } from '../../errors.ts'
import { type Interruption, type Verification, verifyLog } from '../../ledger/verify.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import { answer, note } from '../terminal.ts'
import { type Evidence, type EvidenceFlags, gatherEvidence } from './evidence.ts'
import { SeenHeads } from './heads.ts'
import { Progress } from './progress.ts'
import { type Interrupted, Resumption } from './resume.ts'
import { openSource } from './source.ts'
import { verifyOutput, verifyText } from './verify-answer.ts'

type Flags = Pick<BrokerFlag, 'broker'> & EvidenceFlags & OutputFlag & { readonly resume: boolean }

const SAVE_EVERY_MS = 15_000

/** `credctl log verify [SOURCE] --key KEY`: needs neither the broker's word nor its database. */
export default async function verify(cli: Cli, flags: Flags, source?: string): Promise<number> {
  const reader = openSource(cli, flags, source)
  const evidence = await gatherEvidence(cli, flags)
  const resumption = new Resumption(aboutOf(cli, flags, evidence, source), cli.process.env)
  const interrupted = flags.resume ? await resumption.load() : undefined
  if (flags.resume) tellResumption(cli, interrupted)
  const progress = new Progress(cli, 'entries')
  const { keys, policy, review, remembered, anchors } = evidence
  const stop = stopOnSignal((state) => resumption.save(state))
  try {
    const verification = await verifyLog(reader, {
      keys,
      seen: [...remembered, ...anchors.flatMap(({ heads }) => heads)],
      ...(policy && { policy }),
      ...(review && { reviewer: review }),
      ...(interrupted && { resume: interrupted.progress }),
      interruption: stop.interruption,
      onProgress: (done, all) => progress.show(done, all),
    })
    progress.clear()
    await resumption.forget()
    await remember(cli, verification)
    answer(cli, flags, verifyOutput(verification, evidence, interrupted), verifyText)
    return verification.ok ? EXIT.ok : EXIT.failed
  } catch (error) {
    progress.clear()
    if (stop.isStopped() && isCredctlError(error, 'unavailable')) {
      note(cli, 'interrupted; the same command with --resume goes on from here')
    }
    throw error
  } finally {
    stop.close()
  }
}

/** What two verifications must have in common for one to go on where the other stopped. */
function aboutOf(
  cli: Cli,
  flags: Flags,
  { keys, policy }: Evidence,
  source: string | undefined,
): readonly string[] {
  const place = source ?? flags.broker ?? cli.process.env['CREDCTL_BROKER'] ?? ''
  const isUrl = source === undefined || /^[a-z]+:\/\//i.test(place)
  const witnesses = [...(policy?.witnesses.values() ?? [])].map(({ vkey }) => vkey)
  const files = [flags.scopes, flags.config].map((file) => file ?? '')
  return [
    'v1',
    isUrl ? place : resolve(place),
    ...keys.map(({ vkey }) => vkey),
    ...witnesses,
    ...files,
  ]
}

function tellResumption(cli: Cli, interrupted: Interrupted | undefined): void {
  const text =
    interrupted === undefined
      ? 'nothing to go on from: verifying from the start'
      : `goes on from entry ${interrupted.progress.size}, read until ${interrupted.at.toISOString()}`
  note(cli, text)
}

/** The first interrupt lets the work be kept; a second one ends the process as ever. */
function stopOnSignal(save: Interruption['save']) {
  const controller = new AbortController()
  const stop = () => controller.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return {
    interruption: { signal: controller.signal, everyMs: SAVE_EVERY_MS, save },
    isStopped: () => controller.signal.aborted,
    close: () => {
      process.removeListener('SIGINT', stop)
      process.removeListener('SIGTERM', stop)
    },
  }
}

/** Only what was verified is remembered: a bad head would make the good log look forked. */
async function remember(cli: Cli, { ok, checkpoint }: Verification): Promise<void> {
  if (!ok || checkpoint === undefined) return
  try {
    await new SeenHeads(checkpoint.origin, cli.process.env).add(checkpoint)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    note(cli, `this head cannot be remembered: ${why}`)
  }
}
