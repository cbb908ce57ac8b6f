import type { Database } from '../postgres.ts'
import type { Changes } from './changes.ts'
import { type DryRun, startDryRun } from './dry-run.ts'

/** The databases of a grant, each behind a dry run of its own. */
export interface DryRuns {
  /** What the command gets. */
  readonly databases: readonly Database[]
  /** By target. */
  readonly changes: () => ReadonlyMap<string, Changes>
  close(): void
}

export async function startDryRuns(databases: readonly Database[]): Promise<DryRuns> {
  const running = new Map<string, DryRun>()
  for (const { target, ...credential } of databases) {
    running.set(target, await startDryRun(credential))
  }
  return {
    databases: [...running].map(([target, { credential }]) => ({ target, ...credential })),
    changes: () => new Map([...running].map(([target, { changes }]) => [target, changes()])),
    // Nothing waits for it: the process ends, and with it every connection.
    close: () => {
      for (const { close } of running.values()) void close()
    },
  }
}

/** One line for each table, as people read it. */
export function changeLines(byTarget: ReadonlyMap<string, Changes>): string[] {
  return [...byTarget].flatMap(([target, changes]) => {
    if (changes.size === 0) return [`${target}: nothing would change`]
    return [...changes].map(([table, { inserted, updated, deleted }]) => {
      const parts = [
        ...(inserted > 0 ? [`${inserted} inserted`] : []),
        ...(updated > 0 ? [`${updated} updated`] : []),
        ...(deleted > 0 ? [`${deleted} deleted`] : []),
      ]
      return `${target}: ${table} would have ${parts.join(', ')}`
    })
  })
}
