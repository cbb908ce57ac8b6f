import { isCredctlError } from '../../errors.ts'
import type { SignedCheckpoint } from '../checkpoint.ts'
import { isAnnouncedBy } from '../key-change.ts'
import { parseVkey, type Verifier } from '../note.ts'
import type { Fact } from './fact.ts'
import type { Finding } from './finding.ts'

type KeysLoaded = Extract<Fact, { readonly kind: 'keys.loaded' }>

/**
 * Follows the keys of a log through its own entries: each after the first was announced by one
 * before it, under that one's signature. Logs of before such entries have nothing to follow.
 */
export class KeyHistory {
  readonly #origin: string
  /** Keys that the log has vouched for, in the order in which it did. */
  readonly #known = new Map<string, Verifier>()

  constructor(origin: string) {
    this.#origin = origin
  }

  get known(): readonly string[] {
    return [...this.#known.keys()]
  }

  /** Takes up what an earlier part of the log showed. */
  restore(known: readonly string[]): void {
    for (const vkey of known) this.#known.set(vkey, parseVkey(vkey))
  }

  check(index: number, { log, next }: KeysLoaded): readonly Finding[] {
    const key = this.#read(log)
    if (key === undefined) {
      return [{ code: 'key_invalid', index, message: `entry ${index} names no key of this log` }]
    }
    const findings: Finding[] = []
    if (this.#known.size > 0 && !this.#known.has(log)) {
      const message = `entry ${index} begins to sign with ${key.keyId}, which no key before announced`
      findings.push({ code: 'key_unannounced', index, message })
    }
    // Each is told once.
    this.#known.set(log, key)
    if (next === undefined) return findings
    const announced = this.#read(next.log)
    if (announced !== undefined && isAnnouncedBy(key, next)) {
      this.#known.set(next.log, announced)
      return findings
    }
    const message = `entry ${index} announces a key without the signature of the present one`
    return [...findings, { code: 'key_invalid', index, message }]
  }

  /** A log that tells its keys is signed by one of them. */
  finish({ note }: SignedCheckpoint, keys: readonly Verifier[]): readonly Finding[] {
    if (this.#known.size === 0) return []
    const signers = keys.filter(({ name, keyId }) =>
      note.signatures.some((line) => line.name === name && line.keyId === keyId),
    )
    if (signers.some(({ vkey }) => this.#known.has(vkey))) return []
    const message = 'the checkpoint is signed by a key that the log never announced'
    return [{ code: 'key_unannounced', path: 'checkpoint', message }]
  }

  #read(vkey: string): Verifier | undefined {
    try {
      const key = parseVkey(vkey)
      return key.name === this.#origin ? key : undefined
    } catch (error) {
      if (isCredctlError(error, 'log_invalid')) return undefined
      throw error
    }
  }
}
