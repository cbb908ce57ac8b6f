// RFC 6962 section 2.1 word for word, slow and without shared code: what src/ledger is held against.
import { createHash } from 'node:crypto'

const sha256 = (...parts: Uint8Array[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()

export const leaf = (entry: Uint8Array) => sha256(Buffer.of(0), entry)
const node = (left: Uint8Array, right: Uint8Array) => sha256(Buffer.of(1), left, right)

function split(size: number): number {
  let k = 1
  while (k * 2 < size) k *= 2
  return k
}

/** MTH over leaf hashes. */
export function root(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256()
  if (leaves.length === 1) return leaves[0] as Buffer
  const k = split(leaves.length)
  return node(root(leaves.slice(0, k)), root(leaves.slice(k)))
}

/** PATH(m, D[n]). */
export function path(m: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length <= 1) return []
  const k = split(leaves.length)
  return m < k
    ? [...path(m, leaves.slice(0, k)), root(leaves.slice(k))]
    : [...path(m - k, leaves.slice(k)), root(leaves.slice(0, k))]
}

/** PROOF(m, D[n]). */
export function consistency(m: number, leaves: readonly Buffer[], whole = true): Buffer[] {
  if (m === leaves.length) return whole ? [] : [root(leaves)]
  const k = split(leaves.length)
  return m <= k
    ? [...consistency(m, leaves.slice(0, k), whole), root(leaves.slice(k))]
    : [...consistency(m - k, leaves.slice(k), false), root(leaves.slice(0, k))]
}
