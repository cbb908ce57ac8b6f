import type { Found } from '../../ledger/redaction/redaction.ts'
import type { WorkspaceFinding } from '../output/workspace.ts'
import { fingerprint } from './fingerprint.ts'
import { opens } from './opens.ts'
import { adviceFor, type Declared } from './replacement.ts'
import { secretsIn } from './secrets.ts'

/** A file that holds more is a list of secrets: the first ones say so. */
const MAX_IN_FILE = 50

/** What an agent would find in a file: where, of what kind, and what would replace it. */
export async function findingsIn(
  { path, shown }: { readonly path: string; readonly shown: string },
  text: string,
  declared: Declared,
): Promise<WorkspaceFinding[]> {
  const secrets = secretsIn(path, text, new Date()).slice(0, MAX_IN_FILE)
  const lines = lineStarts(text)
  return await Promise.all(
    secrets.map(async (found): Promise<WorkspaceFinding> => {
      const opened = opens(path, text, found)
      const advice = adviceFor(opened, declared)
      return {
        file: shown,
        ...placeOf(lines, found.start),
        kind: found.type,
        what: described(found, opened),
        fingerprint: await fingerprint(text.slice(found.start, found.end)),
        scopes: [...advice.scopes],
        next: advice.next,
      }
    }),
  )
}

function described({ type }: Found, opened: ReturnType<typeof opens>): string {
  const words = type.replaceAll('-', ' ')
  const kind = /(?:key|password|token|secret|jwt|authorization)$/.test(words)
    ? words
    : `${words} token`
  if (opened.kind === 'aws') {
    return opened.account === undefined ? kind : `${kind} of account ${opened.account}`
  }
  if (opened.kind === 'other') return kind
  const { host, database } = opened
  const where = [database, host].filter((each) => each !== undefined).join(' on ')
  return `${kind} of PostgreSQL${where === '' ? '' : ` (${where})`}`
}

function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)]
}

function placeOf(starts: readonly number[], at: number): { line: number; column: number } {
  const line = starts.findLastIndex((start) => start <= at)
  return { line: line + 1, column: at - (starts[line] ?? 0) + 1 }
}
