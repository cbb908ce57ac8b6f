import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import { parseNote } from '../../src/ledger/note.ts'
import { decodeBundle } from '../../src/ledger/tile.ts'
import {
  directoryLog,
  exportLog,
  httpLog,
  parseVkey,
  type Verification,
  verifyLog,
} from '../../src/ledger/verify.ts'
import type { Narration } from './print.ts'
import type { World } from './world.ts'

/** Verifies the log as somebody who trusts neither the broker nor its database would. */
export async function inspectLog({ url, vkey, directory }: World, tell: Narration): Promise<void> {
  const keys = [parseVkey(vkey)]
  const served = httpLog(`${url}/log`)
  const live = await verifyLog(served, { keys })
  tell.works(`verify ${url}/log`, summary(live), live.ok)

  const copy = join(directory, 'log')
  await exportLog(served, copy)
  const saved = await verifyLog(directoryLog(copy), { keys })
  tell.works('verify a copy of it, with the broker out of reach', summary(saved), saved.ok)

  const tampered = join(directory, 'log-tampered')
  await cp(copy, tampered, { recursive: true })
  const place = await flipOneByte(tampered, live.checkpoint?.size ?? 0)
  const found = await verifyLog(directoryLog(tampered), { keys })
  tell.refused(`verify the copy after flipping one byte of ${place}`, summary(found), !found.ok)
}

function summary({ ok, verified, checkpoint, findings }: Verification): string {
  if (ok) return `${verified} entries under the root signed by ${checkpoint?.origin}`
  return findings.map(({ code, message }) => `${code}: ${message}`).join('\n')
}

/** In the middle of the only bundle: inside some entry that nobody would look at by hand. */
async function flipOneByte(log: string, size: number): Promise<string> {
  const place = `tile/entries/000.p/${size}`
  const file = join(log, place)
  const bytes = await readFile(file)
  const at = Math.floor(bytes.length / 2)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(file, bytes)
  return place
}

/** Every reason of a decision as an operator reads it: the caller may have heard less. */
export async function recordedReasons(
  { url }: World,
  grant: string | undefined,
): Promise<string[]> {
  const log = httpLog(`${url}/log`)
  const { size } = parseCheckpoint(parseNote(await log.checkpoint()).text)
  const bundle = await log.entries(0, size)
  const entries = decodeBundle(bundle ?? new Uint8Array(), { index: 0, width: size })
  const decided = entries
    .map((bytes) => decision.safeParse(JSON.parse(bytes.toString('utf8'))).data)
    .find((entry) => entry?.grant === grant)
  return decided?.reasons.map(({ code, message }) => `${code}: ${message}`) ?? []
}

const decision = z.object({
  grant: z.string(),
  reasons: z.array(z.object({ code: z.string(), message: z.string() })),
})
