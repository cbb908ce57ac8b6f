import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CredctlError } from '../errors.ts'

/**
 * Where a broker keeps the newest checkpoint it has seen, apart from the database: what lets it
 * notice after a restart that the database is an older copy or another history.
 */
export interface Remembered {
  /** The signed checkpoint; undefined when there is none yet. */
  load(): Promise<string | undefined>
  save(checkpoint: string): Promise<void>
}

/** One file, replaced as a whole. A file that cannot be read is an error: it may hide a fork. */
export function rememberedIn(file: string): Remembered {
  return {
    async load() {
      try {
        return await readFile(file, 'utf8')
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw new CredctlError('unavailable', `${file} cannot be read`, { cause: error })
      }
    },
    async save(checkpoint) {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      const scratch = `${file}.${process.pid}`
      await writeFile(scratch, checkpoint, { mode: 0o600 })
      await rename(scratch, file)
    },
  }
}
