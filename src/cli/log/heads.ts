import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CredctlError } from '../../errors.ts'
import type { SeenHead, TreeHead } from '../../ledger/verify.ts'
import { stateDirectory } from '../state-directory.ts'

/** Enough to catch a fork at any of them; the oldest give way. */
const REMEMBERED = 50

const stored = z.strictObject({
  origin: z.string(),
  heads: z.array(
    z.strictObject({
      size: z.int().min(0),
      root: z.base64(),
      /** When it was first verified; absent where an earlier credctl remembered it. */
      time: z.iso.datetime().optional(),
    }),
  ),
})

/**
 * The heads of a log that this user verified before: a log that changes its past is found although
 * each of its answers is consistent in itself.
 */
export class SeenHeads {
  readonly #origin: string
  readonly #file: string

  constructor(origin: string, env: NodeJS.ProcessEnv) {
    const name = createHash('sha256').update(origin).digest('hex').slice(0, 32)
    this.#origin = origin
    this.#file = join(stateDirectory(env), 'logs', `${name}.json`)
  }

  /** Nothing for a log that is new here. A damaged file is an error: it may hide a fork. */
  async load(): Promise<readonly SeenHead[]> {
    const text = await readFile(this.#file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (text === undefined) return []
    const { heads } = this.#parse(text)
    return heads.map(({ size, root, time }) => ({
      size,
      root: Buffer.from(root, 'base64'),
      origin: this.#origin,
      by: { kind: 'remembered', name: 'this machine' },
      ...(time === undefined ? {} : { time: new Date(time) }),
    }))
  }

  #parse(text: string): z.infer<typeof stored> {
    try {
      return stored.parse(JSON.parse(text))
    } catch (cause) {
      throw new CredctlError(
        'log_invalid',
        `what is remembered of the log is damaged: ${this.#file}`,
        {
          hint: 'Look at who changed it. Without the file, the log is new to you.',
          cause,
        },
      )
    }
  }

  /** Remembers a head that was just verified. */
  async add(head: TreeHead): Promise<void> {
    const all = await this.load()
    const known = all.find(({ size }) => size === head.size)
    const others = all.filter(({ size }) => size !== head.size)
    // The first time is the one that says most.
    const added: SeenHead = { ...head, time: known?.time ?? new Date() }
    const heads = [...others, added].slice(-REMEMBERED).map(({ size, root, time }) => ({
      size,
      root: root.toString('base64'),
      ...(time === undefined ? {} : { time: time.toISOString() }),
    }))
    await mkdir(join(this.#file, '..'), { recursive: true, mode: 0o700 })
    const scratch = `${this.#file}.${process.pid}`
    await writeFile(scratch, JSON.stringify({ origin: this.#origin, heads }), { mode: 0o600 })
    await rename(scratch, this.#file)
  }
}
