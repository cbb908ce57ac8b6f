import { isCredctlError } from '../errors.ts'
import type { SignedCheckpoint } from '../ledger/checkpoint.ts'
import { type Cosignature, cosignaturesOf } from '../ledger/cosignature.ts'
import { formatNote, type NoteSignature, parseNote } from '../ledger/note.ts'
import { type Policy, quorumHolds } from '../ledger/policy.ts'
import { proveConsistency } from '../ledger/proof.ts'
import type { Published, PublishedStore } from '../ledger/published.ts'
import type { LogReader } from '../ledger/reader.ts'
import { READERS } from './published-log.ts'
import { Retry } from './retry.ts'
import type { Witness, WitnessAnswer, WitnessFailure } from './witness.ts'
import { addCheckpoint, type ExchangeParts } from './witness-client.ts'

export interface WitnessingParts extends ExchangeParts {
  readonly witnesses: readonly Witness[]
  readonly policy: Policy
  /** The log itself: its newest checkpoint, without cosignatures. */
  readonly log: LogReader
  /** Verifies that checkpoint; only what the log really signed is shown to anybody. */
  readonly open: (signed: Uint8Array | string) => SignedCheckpoint
  readonly published: PublishedStore
  /** Runs on at most one replica at a time. */
  readonly exclusively: <T>(task: string, run: () => Promise<T>) => Promise<T | undefined>
  readonly onFailure: (witness: string, why: WitnessFailure) => void
}

/** What one replica knows of its witnesses. */
export interface WitnessView {
  /** Newest cosignature of each witness that this replica has seen. */
  readonly seen: ReadonlyMap<string, { readonly size: number; readonly time: Date }>
  readonly headSize: number
  /** True when what readers get has enough cosignatures. */
  readonly quorum: boolean
}

/** So long readers get the last checkpoint that had its quorum instead of a newer one without. */
const HOLD_MS = 60_000
/** After this, what was published is not about to be followed by anything. */
const ABANDONED_MS = 300_000

/**
 * Collects cosignatures for the newest checkpoint and hands it to readers with them. Runs beside
 * requests, never in one: when witnesses are away, entries are recorded as ever, and readers get
 * the newest checkpoint without them after a minute.
 */
export class Witnessing {
  readonly #parts: WitnessingParts
  readonly #retries: ReadonlyMap<string, Retry>
  readonly #seen = new Map<string, { size: number; time: Date }>()
  /** Where a witness said it is; what it cosigned tells the rest. */
  readonly #sizes = new Map<string, number>()
  /** Since when something newer waits for its quorum. */
  #waitingSince: number | undefined
  #headSize = 0
  #quorum = false

  constructor(parts: WitnessingParts) {
    this.#parts = parts
    this.#retries = new Map(parts.witnesses.map(({ name }) => [name, new Retry()]))
  }

  get names(): readonly string[] {
    return this.#parts.witnesses.map(({ name }) => name)
  }

  get view(): WitnessView {
    return { seen: this.#seen, headSize: this.#headSize, quorum: this.#quorum }
  }

  /** Before readers are served: what was published long ago must not hide what came after. */
  async begin(): Promise<void> {
    const head = await this.#head()
    const before = (await this.#parts.published.load()).get(READERS)
    const now = this.#parts.now()
    const old = before === undefined || now.getTime() - before.at.getTime() > ABANDONED_MS
    if (head.size === 0 || !old || before?.size === head.size) return
    await this.#parts.published.save(READERS, { size: head.size, note: head.signed, at: now })
  }

  /** One look at the log; asks witnesses only when this replica is the one to do so. */
  async round(): Promise<void> {
    await this.#parts.exclusively('witnesses', () => this.#publish())
    const { published } = this.#parts
    const [head, places] = [await this.#head(), await published.load()]
    this.#headSize = head.size
    const note = this.#usable(places.get(READERS))
    if (note === undefined) this.#quorum = false
    else this.#learn(note)
  }

  async #publish(): Promise<void> {
    const { published, witnesses } = this.#parts
    const head = await this.#head()
    if (head.size === 0) return
    const before = this.#usable((await published.load()).get(READERS))
    const isPublished = before !== undefined && isOf(before, head)
    const had = before === undefined ? [] : this.#cosignatures(before)
    const lines = isPublished ? parseNote(before.note).signatures.slice(own(head)) : []
    const missing = witnesses.filter(
      ({ key }) => !isPublished || !had.some(({ vkey }) => vkey === key.vkey),
    )
    const fresh = await this.#collect(missing, head, before)
    if (isPublished && fresh.length === 0) return
    const { text, signatures } = head.note
    const note = formatNote({ text, signatures: [...signatures, ...fresh, ...lines] })
    if (!isPublished && !this.#mayPublish(note)) return
    await published.save(READERS, { size: head.size, note, at: this.#parts.now() })
    this.#waitingSince = undefined
  }

  /** With its quorum at once; without it when readers have waited long enough. */
  #mayPublish(note: string): boolean {
    const now = this.#parts.now().getTime()
    const cosigned = this.#cosignatures({ note })
    if (quorumHolds(this.#parts.policy, new Set(cosigned.map(({ vkey }) => vkey)))) return true
    this.#waitingSince ??= now
    return now - this.#waitingSince >= HOLD_MS
  }

  async #collect(
    witnesses: readonly Witness[],
    head: SignedCheckpoint,
    before: Published | undefined,
  ): Promise<NoteSignature[]> {
    const had = before === undefined ? [] : this.#cosignatures(before)
    const asked = witnesses
      .filter(({ name }) => this.#retries.get(name)?.isDue(this.#parts.now()) === true)
      .map(async (witness) => {
        const known = had.some(({ vkey }) => vkey === witness.key.vkey) ? before?.size : undefined
        const answer = await this.#ask(witness, head, known ?? this.#sizes.get(witness.name) ?? 0)
        return this.#settle(witness, head, answer)
      })
    // Newest first, whatever the order in which they answered.
    const fresh = (await Promise.all(asked)).flatMap((each) => (each === undefined ? [] : [each]))
    return fresh
      .sort((a, b) => b.time.getTime() - a.time.getTime())
      .map(({ signature }) => signature)
  }

  #settle({ name }: Witness, { size }: SignedCheckpoint, answer: WitnessAnswer) {
    const retry = this.#retries.get(name)
    if (answer.outcome === 'cosigned') {
      retry?.succeeded()
      this.#sizes.set(name, size)
      this.#seen.set(name, { size, time: answer.time })
      return answer
    }
    retry?.failed(this.#parts.now())
    this.#parts.onFailure(name, answer.outcome === 'failed' ? answer.why : 'unsettled')
    return undefined
  }

  /** A witness that is elsewhere is asked once more, from where it is. */
  async #ask(witness: Witness, head: SignedCheckpoint, from: number): Promise<WitnessAnswer> {
    const first = await this.#submit(witness, head, Math.min(from, head.size))
    if (first.outcome !== 'elsewhere') return first
    this.#sizes.set(witness.name, first.size)
    if (first.size > head.size) return { outcome: 'failed', why: 'remembers_otherwise' }
    return await this.#submit(witness, head, first.size)
  }

  async #submit(witness: Witness, head: SignedCheckpoint, old: number): Promise<WitnessAnswer> {
    const proof = old === 0 ? [] : await this.#prove(old, head.size)
    return await addCheckpoint(witness, { checkpoint: head.signed, old, proof }, this.#parts)
  }

  async #prove(first: number, second: number): Promise<Buffer[]> {
    const { log } = this.#parts
    return await proveConsistency(first, second, ({ level, index, width }) =>
      log.tile(level, index, width),
    )
  }

  async #head(): Promise<SignedCheckpoint> {
    return this.#parts.open(await this.#parts.log.checkpoint())
  }

  /** What is stored is not trusted either: whatever is no checkpoint of ours is published anew. */
  #usable(published: Published | undefined): Published | undefined {
    if (published === undefined) return undefined
    try {
      const { size } = this.#parts.open(published.note)
      this.#cosignatures(published)
      return size === published.size ? published : undefined
    } catch (error) {
      if (isCredctlError(error, 'log_invalid')) return undefined
      throw error
    }
  }

  #cosignatures({ note }: Pick<Published, 'note'>): readonly Cosignature[] {
    const keys = this.#parts.witnesses.map(({ key }) => key)
    return cosignaturesOf(parseNote(note), keys)
  }

  #learn(published: Published): void {
    const cosigned = this.#cosignatures(published)
    for (const { name, key } of this.#parts.witnesses) {
      const found = cosigned.find(({ vkey }) => vkey === key.vkey)
      if (found !== undefined) this.#seen.set(name, { size: published.size, time: found.time })
    }
    const keys = new Set(cosigned.map(({ vkey }) => vkey))
    this.#quorum = quorumHolds(this.#parts.policy, keys)
  }
}

/** How many signatures the log itself put there: they come first. */
function own({ note }: SignedCheckpoint): number {
  return note.signatures.length
}

function isOf({ note }: Published, head: SignedCheckpoint): boolean {
  return parseNote(note).text === head.note.text
}
