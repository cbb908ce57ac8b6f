import { parentPort } from 'node:worker_threads'
import { inspectBundle } from './inspect.ts'
import type { Job, Result } from './inspector.ts'

/* A thread of a verification: bundles in, inspections out. */
parentPort?.on('message', ({ number, id, bundle, isReviewed }: Job) => {
  const result: Result = { number, inspection: inspectBundle(id, bundle, isReviewed) }
  parentPort?.postMessage(result)
})
