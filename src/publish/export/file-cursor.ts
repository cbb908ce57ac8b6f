import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { CredctlError } from '../../errors.ts'
import type { Cursor } from './export.ts'

const stored = z.strictObject({ origin: z.string(), next: z.int().min(0) })

/**
 * A cursor in a file of its own, for one log. Written beside it, synced and renamed over it, so that
 * a crash leaves the old one or the new one. Error: `log_invalid` for a file that is no cursor, or
 * one of another log: starting anew unasked would send everything again.
 */
export function fileCursor(file: string, origin: string): Cursor {
  return {
    async load() {
      const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw error
      })
      if (text === undefined) return 0
      const cursor = parse(file, text)
      if (cursor.origin === origin) return cursor.next
      throw damaged(file, `it is of the log ${JSON.stringify(cursor.origin)}`)
    },
    async save(next) {
      const scratch = `${file}.${process.pid}`
      await writeSynced(scratch, `${JSON.stringify({ origin, next })}\n`)
      await rename(scratch, file)
      await syncDirectory(dirname(file))
    },
  }
}

function parse(file: string, text: string): z.infer<typeof stored> {
  try {
    return stored.parse(JSON.parse(text))
  } catch (cause) {
    throw damaged(file, 'it is damaged', cause)
  }
}

function damaged(file: string, why: string, cause?: unknown): CredctlError {
  const hint = 'Without the file, everything is exported again.'
  return new CredctlError('log_invalid', `${file} is no cursor of this log: ${why}`, {
    hint,
    cause,
  })
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
