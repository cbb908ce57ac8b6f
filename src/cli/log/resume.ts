import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { canonicalBytes } from '../../canonical.ts'
import { type Progress, progressSchema } from '../../ledger/verify/progress.ts'
import { stateDirectory } from '../state-directory.ts'

const stored = z.strictObject({
  mac: z.string(),
  body: z.string(),
})
const body = z.strictObject({
  about: z.string(),
  at: z.iso.datetime(),
  progress: progressSchema,
})

/** An interrupted verification, and when it was. */
export interface Interrupted {
  readonly progress: Progress
  readonly at: Date
}

/**
 * What an interrupted verification had done, in a file of this user and this machine: bound to the
 * source, the log, its keys and everything else the verification was asked to look at, and
 * authenticated by a key that stays here. Anything else is as if it were not there.
 */
export class Resumption {
  readonly #directory: string
  readonly #file: string
  readonly #about: string

  /** `about`: everything that two verifications must have in common to be one. */
  constructor(about: readonly string[], env: NodeJS.ProcessEnv) {
    this.#about = createHash('sha256')
      .update(canonicalBytes([...about]))
      .digest('hex')
    this.#directory = join(stateDirectory(env), 'logs')
    this.#file = join(this.#directory, `${this.#about.slice(0, 32)}.progress`)
  }

  async load(): Promise<Interrupted | undefined> {
    try {
      const { mac, body: text } = stored.parse(JSON.parse(await readFile(this.#file, 'utf8')))
      const expected = await this.#mac(text)
      const given = Buffer.from(mac, 'base64')
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
      const { about, at, progress } = body.parse(JSON.parse(text))
      return about === this.#about ? { progress, at: new Date(at) } : undefined
    } catch {
      return undefined
    }
  }

  async save(progress: Progress): Promise<void> {
    const text = JSON.stringify({ about: this.#about, at: new Date().toISOString(), progress })
    const mac = (await this.#mac(text)).toString('base64')
    const scratch = `${this.#file}.${process.pid}`
    await writeFile(scratch, JSON.stringify({ mac, body: text }), { mode: 0o600 })
    await rename(scratch, this.#file)
  }

  async forget(): Promise<void> {
    await rm(this.#file, { force: true })
  }

  async #mac(text: string): Promise<Buffer> {
    return createHmac('sha256', await this.#key())
      .update(text)
      .digest()
  }

  /** Made on first use, for this user alone. */
  async #key(): Promise<Buffer> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const file = join(this.#directory, 'progress.key')
    try {
      const handle = await open(file, 'wx', 0o600)
      await handle.writeFile(randomBytes(32))
      await handle.close()
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    return await readFile(file)
  }
}
