import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CredctlError } from '../errors.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { HASH_BYTES } from './merkle.ts'
import { parseNote } from './note.ts'
import type { LogReader } from './reader.ts'
import { bundlePath, bundlesOf, TILE_WIDTH, tilePath, tilesOf } from './tile.ts'

/** A log as files: `checkpoint`, `tile/…`, `tile/entries/…`, as C2SP tlog-tiles lays them out. */
export function directoryLog(directory: string): LogReader {
  const read = (path: string) => readOptional(join(directory, path))
  return {
    async checkpoint() {
      const bytes = await read('checkpoint')
      if (bytes !== undefined) return bytes
      throw new CredctlError('not_found', `${join(directory, 'checkpoint')} does not exist`)
    },
    async tile(level, index, width) {
      const partial = await read(tilePath({ level, index, width }))
      if (partial !== undefined || width === TILE_WIDTH) return partial
      // A log may drop a partial tile once the full one exists.
      const full = await read(tilePath({ level, index, width: TILE_WIDTH }))
      return full?.subarray(0, width * HASH_BYTES)
    },
    async entries(index, width) {
      const partial = await read(bundlePath({ index, width }))
      if (partial !== undefined || width === TILE_WIDTH) return partial
      return cutBundle(await read(bundlePath({ index, width: TILE_WIDTH })), width)
    },
  }
}

/** The first entries of a bundle, by their lengths; as it is when it has fewer. */
export function cutBundle(bundle: Uint8Array | undefined, width: number): Uint8Array | undefined {
  if (bundle === undefined) return undefined
  let end = 0
  for (let entry = 0; entry < width && end + 2 <= bundle.length; entry += 1) {
    end += 2 + ((bundle[end] ?? 0) << 8) + (bundle[end + 1] ?? 0)
  }
  return bundle.subarray(0, end)
}

/**
 * Writes a whole log below a directory, for verification without the broker. What is there stays
 * as it is, because tiles never change, so a second export adds what is new. The checkpoint comes
 * last: it never speaks of files that are not there. Gives the number of entries.
 */
export async function exportLog(
  reader: LogReader,
  directory: string,
  onProgress?: (files: number) => void,
): Promise<number> {
  const checkpoint = await reader.checkpoint()
  const { size } = parseCheckpoint(parseNote(checkpoint).text)
  let files = 0
  const write = async (path: string, fetch: () => Promise<Uint8Array | undefined>) => {
    await writeOnce(join(directory, path), path, fetch)
    files += 1
    onProgress?.(files)
  }
  for (const id of bundlesOf(size)) {
    await write(bundlePath(id), () => reader.entries(id.index, id.width))
  }
  for (const id of tilesOf(size)) {
    await write(tilePath(id), () => reader.tile(id.level, id.index, id.width))
  }
  await mkdir(directory, { recursive: true })
  await writeWhole(join(directory, 'checkpoint'), checkpoint)
  return size
}

async function writeOnce(
  file: string,
  path: string,
  fetch: () => Promise<Uint8Array | undefined>,
): Promise<void> {
  if (await exists(file)) return
  const bytes = await fetch()
  if (bytes === undefined) throw new CredctlError('log_invalid', `the log has no ${path}`)
  await mkdir(dirname(file), { recursive: true })
  await writeWhole(file, bytes)
}

async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const scratch = `${file}.new`
  const handle = await open(scratch, 'w', 0o644)
  try {
    await handle.writeFile(bytes)
  } finally {
    await handle.close()
  }
  await rename(scratch, file)
}

async function readOptional(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new CredctlError('unavailable', `${file} cannot be read`, { cause: error })
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch {
    return false
  }
}

function isMissing(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return error.code === 'ENOENT' || error.code === 'ENOTDIR'
}
