import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { BundleId } from '../tile.ts'
import { type Inspection, inspectBundle } from './inspect.ts'

/** Inspects bundles, several at a time. The caller closes it. */
export interface Inspector {
  /** How many bundles are worth having under way. */
  readonly ahead: number
  inspect(id: BundleId, bundle: Uint8Array | undefined): Promise<Inspection>
  close(): Promise<void>
}

export interface Job {
  readonly number: number
  readonly id: BundleId
  readonly bundle: Uint8Array | undefined
  readonly isReviewed: boolean
}

export interface Result {
  readonly number: number
  readonly inspection: Inspection
}

/** Starting a thread costs as much as inspecting this many entries. */
const WORTH_A_THREAD = 20_000
const MAX_THREADS = 8
const AHEAD = 16

/** Threads for a large log, none for a small one. */
export function createInspector(size: number, isReviewed = false): Inspector {
  const threads = Math.min(availableParallelism(), MAX_THREADS, Math.floor(size / WORTH_A_THREAD))
  return threads < 2 ? inline(isReviewed) : new Threads(threads, isReviewed)
}

function inline(isReviewed: boolean): Inspector {
  return {
    ahead: AHEAD,
    inspect: async (id, bundle) => inspectBundle(id, bundle, isReviewed),
    close: async () => undefined,
  }
}

interface Waiting {
  readonly resolve: (inspection: Inspection) => void
  readonly reject: (error: unknown) => void
}

class Threads implements Inspector {
  readonly ahead: number
  readonly #workers: readonly Worker[]
  readonly #isReviewed: boolean
  readonly #waiting = new Map<number, Waiting>()
  #jobs = 0

  constructor(threads: number, isReviewed: boolean) {
    this.#isReviewed = isReviewed
    this.ahead = threads * AHEAD
    // The same file under both names: as it is in the sources, and as it is in the package.
    const name = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'
    this.#workers = Array.from({ length: threads }, () => {
      const worker = new Worker(new URL(name, import.meta.url))
      worker.on('message', ({ number, inspection }: Result) => {
        this.#waiting.get(number)?.resolve(inspection)
        this.#waiting.delete(number)
      })
      worker.on('error', (error) => this.#fail(error))
      return worker
    })
  }

  inspect(id: BundleId, bundle: Uint8Array | undefined): Promise<Inspection> {
    const number = this.#jobs
    this.#jobs += 1
    const { promise, resolve, reject } = Promise.withResolvers<Inspection>()
    this.#waiting.set(number, { resolve, reject })
    const job: Job = { number, id, bundle, isReviewed: this.#isReviewed }
    this.#workers[number % this.#workers.length]?.postMessage(job)
    return promise
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
