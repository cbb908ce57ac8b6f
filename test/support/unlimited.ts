import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory with the example scope for agents, without the limits that a test would run into. */
export async function unlimitedScopes(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'credctl-scopes-'))
  const text = await readFile('task-scopes/backfill-order-totals.yaml', 'utf8')
  const kept = text.split('\n').filter((line) => !line.startsWith('limits:'))
  await writeFile(join(directory, 'backfill-order-totals.yaml'), kept.join('\n'))
  return directory
}
