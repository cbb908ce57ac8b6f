import { CredctlError, isCredctlError } from '../../errors.ts'
import type { SignedCheckpoint } from '../checkpoint.ts'
import { verifyConsistency } from '../merkle.ts'
import { proveConsistency } from '../proof.ts'
import type { LogReader } from '../reader.ts'
import { type BundleId, bundlePath, bundlesOf, TILE_WIDTH } from '../tile.ts'
import { Clocks } from './clocks.ts'
import type { Fact } from './fact.ts'
import type { Finding } from './finding.ts'
import { History } from './history.ts'
import type { Inspection } from './inspect.ts'
import { createInspector, type Inspector } from './inspector.ts'
import { KeyHistory } from './keys.ts'
import type { Progress } from './progress.ts'
import type { SeenHead } from './seen.ts'
import { Tree } from './tree.ts'
import type { VerifyOptions } from './verify.ts'

/** More do not tell more. */
export const MAX_FINDINGS = 100

export type ScanOptions = Omit<VerifyOptions, 'resume'> & {
  readonly seen: readonly SeenHead[]
  readonly resume: Progress | undefined
}

/** One reading of a log from its first entry to its last, or from where an earlier one stopped. */
export class Scan {
  readonly #reader: LogReader
  readonly #checkpoint: SignedCheckpoint
  readonly #options: ScanOptions
  readonly #tree: Tree
  readonly #history = new History()
  readonly #keys: KeyHistory
  readonly #clocks: Clocks
  readonly #meaning: Finding[] = []
  #saved = performance.now()

  constructor(reader: LogReader, checkpoint: SignedCheckpoint, options: ScanOptions) {
    this.#reader = reader
    this.#checkpoint = checkpoint
    this.#options = options
    this.#tree = new Tree(checkpoint, options.seen)
    this.#keys = new KeyHistory(checkpoint.origin)
    this.#clocks = new Clocks(options.seen)
  }

  get rootHolds(): boolean {
    return this.#tree.rootHolds
  }

  async run(): Promise<Finding[]> {
    if (this.#options.resume !== undefined) await this.#resume(this.#options.resume)
    const stopped = await this.#read()
    if (stopped !== undefined) return [stopped, ...this.#tree.finish(), ...this.#meaning]
    for (const { hashes, ...id } of this.#tree.partialTiles()) {
      this.#tree.compare(id, hashes, await this.#reader.tile(id.level, id.index, id.width))
    }
    const keys = this.#keys.finish(this.#checkpoint, this.#options.keys)
    return [...this.#tree.finish(), ...keys, ...this.#meaning, ...this.#history.finish()]
  }

  /** Reads to the end, or up to a file without which nothing after has a place in the tree. */
  async #read(): Promise<Finding | undefined> {
    const { size } = this.#checkpoint
    const { onProgress, reviewer } = this.#options
    const inspector = createInspector(size - this.#tree.size, reviewer !== undefined)
    try {
      const from = this.#tree.size / TILE_WIDTH
      for await (const one of inspections(this.#reader, inspector, size, from)) {
        const { id, inspection, tile } = one
        if (!inspection.ok) {
          const { code, message } = inspection
          return { code, message, path: bundlePath(id) }
        }
        await compare(this.#reader, this.#tree, { id, inspection, tile })
        this.#look(id.index * TILE_WIDTH, inspection)
        onProgress?.(this.#tree.size, size)
        await this.#pause()
      }
    } finally {
      await inspector.close()
    }
    return undefined
  }

  #look(first: number, { facts, reviewable }: Extract<Inspection, { ok: true }>): void {
    const { maxFindings = MAX_FINDINGS, reviewer } = this.#options
    for (const [at, fact] of facts.entries()) {
      if (this.#meaning.length >= maxFindings) return
      this.#meaning.push(...this.#check(first + at, fact))
    }
    for (const [at, entry] of reviewable) {
      this.#meaning.push(...(reviewer?.review(first + at, entry) ?? []))
    }
  }

  #check(index: number, fact: Fact | string): readonly Finding[] {
    if (typeof fact === 'string') {
      return [{ code: 'entry_invalid', index, message: `entry ${index} is not one: ${fact}` }]
    }
    const keys = fact.kind === 'keys.loaded' ? this.#keys.check(index, fact) : []
    const clocks = this.#clocks.check(index, Date.parse(fact.time))
    return [...this.#history.check(index, fact), ...clocks, ...keys]
  }

  /** Keeps what was done, now and then, and when somebody wants it to stop. */
  async #pause(): Promise<void> {
    const { interruption } = this.#options
    const isEnd = this.#tree.size === this.#checkpoint.size
    if (interruption === undefined || isEnd) return
    const { signal, everyMs, save } = interruption
    if (!signal.aborted && performance.now() - this.#saved < everyMs) return
    await save(this.#progress())
    this.#saved = performance.now()
    if (signal.aborted) throw new CredctlError('unavailable', 'the verification was interrupted')
  }

  #progress(): Progress {
    const { size, root } = this.#checkpoint
    return {
      ...this.#tree.save(),
      head: { size, root: root.toString('base64') },
      findings: [...this.#meaning],
      keys: [...this.#keys.known],
      history: this.#history.save(),
    }
  }

  /**
   * Takes up an earlier part. What it read then is under the same root in the end, or the root does
   * not hold; heads that were seen inside that part are compared by a proof instead.
   */
  async #resume(progress: Progress): Promise<void> {
    this.#tree.restore(progress)
    this.#history.restore(progress.history)
    this.#keys.restore(progress.keys)
    this.#meaning.push(...progress.findings)
    for (const head of this.#options.seen) {
      if (head.size === 0 || head.size > progress.size || (await this.#continues(head))) continue
      this.#tree.forked(head)
    }
  }

  /** In the signed tree, because that is the one whose tiles a log has to serve. */
  async #continues(head: SeenHead): Promise<boolean> {
    const { size, root } = this.#checkpoint
    const proof = await proveConsistency(head.size, size, ({ level, index, width }) =>
      this.#reader.tile(level, index, width),
    ).catch((error: unknown) => {
      if (isCredctlError(error, 'log_invalid')) return undefined
      throw error
    })
    const roots = { firstRoot: head.root, secondRoot: root }
    return (
      proof !== undefined && verifyConsistency({ first: head.size, second: size, ...roots, proof })
    )
  }
}

async function compare(
  reader: LogReader,
  tree: Tree,
  { id, inspection, tile }: Sound,
): Promise<void> {
  const leaves = Buffer.from(inspection.leaves)
  tree.compare({ ...id, level: 0 }, leaves, tile)
  for (const { level, index, hashes } of tree.grow(leaves, Buffer.from(inspection.root))) {
    const stored = await reader.tile(level, index, TILE_WIDTH)
    tree.compare({ level, index, width: TILE_WIDTH }, hashes, stored)
  }
}

type Sound = Inspected & { readonly inspection: { readonly ok: true } }

interface Inspected {
  readonly id: BundleId
  readonly inspection: Inspection
  readonly tile: Uint8Array | undefined
}

/** Every bundle with its tile of level 0, in order; fetched and inspected ahead of their turn. */
async function* inspections(
  reader: LogReader,
  inspector: Inspector,
  size: number,
  from: number,
): AsyncGenerator<Inspected> {
  const queue: Promise<Inspected>[] = []
  for (const id of bundlesOf(size, from)) {
    queue.push(inspect(reader, inspector, id))
    const next = queue.length < inspector.ahead ? undefined : queue.shift()
    if (next !== undefined) yield await next
  }
  for (const last of queue) yield await last
}

function inspect(reader: LogReader, inspector: Inspector, id: BundleId): Promise<Inspected> {
  const { index, width } = id
  const inspection = reader.entries(index, width).then((bundle) => inspector.inspect(id, bundle))
  const both = Promise.all([inspection, reader.tile(0, index, width)])
  const inspected = both.then(([inspection, tile]) => ({ id, inspection, tile }))
  // A failure is met when its turn comes, not before.
  inspected.catch(() => undefined)
  return inspected
}
