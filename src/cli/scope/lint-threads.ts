import { once } from 'node:events'
import module from 'node:module'
import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Diagnostic } from '../../document/diagnostic.ts'
import { type LintWork, problemsIn } from './lint-check.ts'

/** Fewer are done before a second thread has started. */
const FILES_PER_THREAD = 250
const MAX_THREADS = 4

/** As `problemsIn`; many files are shared out between threads, this one among them. */
export async function problemsInAll(
  { files, config }: LintWork,
  threads = Math.min(availableParallelism(), MAX_THREADS),
): Promise<Diagnostic[]> {
  const count = Math.max(1, Math.min(threads, Math.floor(files.length / FILES_PER_THREAD)))
  const [own = [], ...others] = shares(files, count)
  const found = await Promise.all([
    ...others.map(async (share) => await inThread({ files: share, config })),
    problemsIn({ files: own, config }),
  ])
  return found.flat()
}

/** Files of one name stay together: a scope that is declared twice is seen by who has both. */
function shares(files: readonly string[], count: number): string[][] {
  const byName = Map.groupBy(files, (file) => basename(file).replace(/\.ya?ml$/, ''))
  const parts = Array.from({ length: count }, (): string[] => [])
  for (const [index, same] of [...byName.values()].entries()) parts[index % count]?.push(...same)
  return parts
}

async function inThread(work: LintWork): Promise<Diagnostic[]> {
  const name = import.meta.url.endsWith('.ts') ? './lint-worker.ts' : './lint-worker.js'
  const cache = module.getCompileCacheDir?.()
  const worker = new Worker(new URL(name, import.meta.url), { workerData: { work, cache } })
  const [found] = await once(worker, 'message')
  return found
}
