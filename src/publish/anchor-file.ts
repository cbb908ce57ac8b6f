import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { CredctlError } from '../errors.ts'
import type { Anchor, Kept } from './anchor.ts'

/** One line of the file. */
const record = z.strictObject({ checkpoint: z.string().max(1_000_000) })

/**
 * A file that is only ever appended to, one JSON object a line, each durable before the next. What
 * makes it hard to rewrite is where it is: `chattr +a`, another host, a write-once mount.
 */
export function fileAnchor(path: string): Anchor {
  return {
    async put({ note }) {
      try {
        await append(path, `${JSON.stringify({ checkpoint: note })}\n`)
      } catch (cause) {
        throw new CredctlError('unavailable', `${path} cannot be appended to`, { cause })
      }
    },
    async read(limit) {
      try {
        return await readNewest(path, limit)
      } catch (cause) {
        throw new CredctlError('unavailable', `${path} cannot be read`, { cause })
      }
    },
  }
}

async function append(path: string, line: string): Promise<void> {
  const handle = await open(path, 'a+', 0o644)
  try {
    const { size } = await handle.stat()
    // A record that a crash cut in two must not take the next one with it.
    await handle.write((await endsInside(handle, size)) ? `\n${line}` : line)
    await handle.sync()
    if (size === 0) await syncDirectory(dirname(path))
  } finally {
    await handle.close()
  }
}

async function endsInside(
  handle: Awaited<ReturnType<typeof open>>,
  size: number,
): Promise<boolean> {
  if (size === 0) return false
  const { buffer } = await handle.read({ buffer: Buffer.alloc(1), position: size - 1 })
  return buffer[0] !== 0x0a
}

/** A new file is there for good only when its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function readNewest(path: string, limit: number) {
  const kept: Kept[] = []
  let unreadable = 0
  const input = createReadStream(path, 'utf8')
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const note = noteOf(line)
    if (note === undefined) unreadable += 1
    else kept.push({ note })
    if (kept.length > limit) kept.shift()
  }
  return { kept, unreadable }
}

function noteOf(line: string): string | undefined {
  try {
    return record.parse(JSON.parse(line)).checkpoint
  } catch {
    return undefined
  }
}
