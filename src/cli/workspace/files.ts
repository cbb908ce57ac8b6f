import { constants } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'

/** Bounds of one check; what lies beyond them is counted and said, never passed over in silence. */
export const MAX_FILES = 50_000
export const MAX_FILE_BYTES = 4 * 1024 * 1024

/** Made by tools from what others publish: nothing of yours is in it, and there is much of it. */
const SKIPPED = new Set(['node_modules', '.venv', '__pycache__', '.terraform', 'cdk.out'])
/** Of a repository's own directory only these are text that people write. */
const IN_GIT = ['config', 'credentials']

export interface Listed {
  readonly paths: readonly string[]
  /** Directories that could not be read, and links to directories. */
  readonly unseen: readonly string[]
  /** False when there are more files than anybody looks at. */
  readonly complete: boolean
}

/**
 * Every file under a directory that a program running there could read: ignored ones too, because
 * `.gitignore` hides a file from git and from nobody else. Links to files are followed, links to
 * directories are not: they lead in circles, and out of the workspace.
 */
export async function listFiles(root: string, most = MAX_FILES): Promise<Listed> {
  const paths: string[] = []
  const unseen: string[] = []
  const queue = [root]
  for (let directory = queue.pop(); directory !== undefined; directory = queue.pop()) {
    let entries: Awaited<ReturnType<typeof namesIn>>
    try {
      entries = await namesIn(directory)
    } catch {
      unseen.push(directory)
      continue
    }
    for (const { name, kind } of entries) {
      const path = join(directory, name)
      if (kind === 'directory') queue.push(path)
      else if (kind === 'elsewhere') unseen.push(path)
      else if (paths.length >= most) return { paths: paths.sort(), unseen, complete: false }
      else paths.push(path)
    }
  }
  return { paths: paths.sort(), unseen, complete: true }
}

type Kind = 'file' | 'directory' | 'elsewhere'

async function namesIn(directory: string): Promise<{ name: string; kind: Kind }[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const inGit = /[\\/]\.git$/.test(directory)
  const found: { name: string; kind: Kind }[] = []
  for (const entry of entries) {
    const { name } = entry
    if (inGit && !IN_GIT.includes(name)) continue
    if (entry.isDirectory() && !SKIPPED.has(name)) found.push({ name, kind: 'directory' })
    else if (entry.isFile()) found.push({ name, kind: 'file' })
    else if (entry.isSymbolicLink()) found.push({ name, kind: await linked(join(directory, name)) })
  }
  return found
}

/** A link that leads nowhere can be read by nobody: opening it says so, and it is passed over. */
async function linked(path: string): Promise<Kind> {
  return await stat(path).then(
    (target) => (target.isDirectory() ? 'elsewhere' : 'file'),
    () => 'file',
  )
}

export type Content =
  | { readonly kind: 'text'; readonly text: string }
  /** Pictures, archives, programs, pipes and devices. */
  | { readonly kind: 'binary' }
  | { readonly kind: 'unreadable' | 'missing' | 'too_large' }

/** Reads a regular file without ever waiting for one that is not. */
export async function readText(path: string): Promise<Content> {
  let file: FileHandle | undefined
  try {
    // Opening a pipe would wait for a writer.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const { size, ...rest } = await statOf(file)
    if (!rest.isFile) return { kind: 'binary' }
    if (size > MAX_FILE_BYTES) return { kind: 'too_large' }
    return decode(await file.readFile())
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return { kind: code === 'ENOENT' || code === 'ELOOP' ? 'missing' : 'unreadable' }
  } finally {
    await file?.close()
  }
}

async function statOf(file: FileHandle): Promise<{ size: number; isFile: boolean }> {
  const found = await file.stat()
  return { size: found.size, isFile: found.isFile() }
}

/** Editors on Windows write UTF-16; a zero byte otherwise means that it is no text. */
function decode(bytes: Buffer): Content {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) {
    return { kind: 'text', text: bytes.subarray(2).toString('utf16le') }
  }
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    const even = bytes.subarray(2, bytes.length - (bytes.length % 2))
    return { kind: 'text', text: Buffer.from(even).swap16().toString('utf16le') }
  }
  if (bytes.subarray(0, 8192).includes(0)) return { kind: 'binary' }
  return { kind: 'text', text: bytes.toString('utf8') }
}

/** As a person in that directory would name it. */
export function shown(path: string, home: string): string {
  const here = relative(process.cwd(), path)
  if (here !== '' && !here.startsWith('..')) return here
  return path.startsWith(join(home, '/')) ? join('~', relative(home, path)) : path
}
