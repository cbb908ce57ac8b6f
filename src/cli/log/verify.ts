import { type TreeHead, type Verification, verifyLog } from '../../ledger/verify.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { BrokerFlag, OutputFlag } from '../flags.ts'
import type { LogVerifyOutput } from '../output/log.ts'
import { answer, note } from '../terminal.ts'
import { SeenHeads } from './heads.ts'
import { Progress } from './progress.ts'
import { type KeysFlag, openSource, readKeys } from './source.ts'

type Flags = Pick<BrokerFlag, 'broker'> & KeysFlag & OutputFlag

/** `credctl log verify [SOURCE] --key KEY`: needs neither the broker's word nor its database. */
export default async function verify(cli: Cli, flags: Flags, source?: string): Promise<number> {
  const keys = await readKeys(flags)
  const reader = openSource(cli, flags, source)
  const memories = [...new Set(keys.map(({ name }) => name))].map(
    (origin) => new SeenHeads(origin, cli.process.env),
  )
  const seen = (await Promise.all(memories.map((memory) => memory.load()))).flat()
  const progress = new Progress(cli, 'entries')
  const verification = await verifyLog(reader, {
    keys,
    seen,
    onProgress: (done, all) => progress.show(done, all),
  })
  progress.clear()
  await remember(cli, verification)
  answer(cli, flags, outputOf(verification, seen), text)
  return verification.ok ? EXIT.ok : EXIT.failed
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

function outputOf(
  { ok, checkpoint, verified, findings }: Verification,
  seen: readonly TreeHead[],
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
    remembered: seen.length,
    findings: [...findings],
  }
}

function text({ ok, checkpoint, verified, remembered, findings }: LogVerifyOutput): string {
  const lines = findings.map(({ code, message }) => `${code}: ${message}`)
  if (ok && checkpoint !== undefined) {
    lines.push(
      `${verified} entries are under the root that ${checkpoint.origin} signed`,
      `root ${checkpoint.root}`,
      `consistent with ${remembered} ${remembered === 1 ? 'head' : 'heads'} verified before`,
    )
  }
  return lines.map((line) => `${line}\n`).join('')
}
