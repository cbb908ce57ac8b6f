import module from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { LintWork } from './lint-check.ts'

/* A thread of a lint: files in, problems out. Loaded late, from the cache that the command uses. */
const { work, cache } = workerData as { readonly work: LintWork; readonly cache?: string }
if (cache !== undefined) module.enableCompileCache(cache)
const { problemsIn } = await import('./lint-check.ts')
parentPort?.postMessage(await problemsIn(work))
