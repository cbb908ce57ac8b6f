import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** A directory that only this user can enter, for as long as a command runs. */
export interface PrivateDirectory {
  readonly path: string
  /** Writes a file that only this user can read; gives its path. */
  write(name: string, text: string): Promise<string>
  /** An empty directory in it. */
  subdirectory(name: string): Promise<string>
  remove(): Promise<void>
}

/** In the user's own runtime directory where there is one: it is never on a disk. */
export async function createPrivateDirectory(env: NodeJS.ProcessEnv): Promise<PrivateDirectory> {
  const runtime = env['XDG_RUNTIME_DIR']
  const bases = runtime !== undefined && isAbsolute(runtime) ? [runtime, tmpdir()] : [tmpdir()]
  // mkdtemp creates with mode 0700 and a name nobody can guess or prepare.
  return at(await firstThatWorks(bases, async (base) => await mkdtemp(join(base, 'credctl-'))))
}

/** A new one at a place that others of this user are to find; its parent must be private too. */
export async function makePrivateDirectory(path: string): Promise<PrivateDirectory> {
  await mkdir(path, { mode: 0o700 })
  return at(path)
}

function at(path: string): PrivateDirectory {
  return {
    path,
    async write(name, text) {
      const file = join(path, name)
      await writeFile(file, text, { mode: 0o600, flag: 'wx' })
      return file
    },
    async subdirectory(name) {
      const below = join(path, name)
      await mkdir(below, { mode: 0o700 })
      return below
    },
    async remove() {
      await rm(path, { recursive: true, force: true })
    },
  }
}

async function firstThatWorks<T>(
  candidates: readonly T[],
  attempt: (candidate: T) => Promise<string>,
): Promise<string> {
  const [first, ...rest] = candidates
  if (first === undefined) throw new RangeError('nothing left to try')
  if (rest.length === 0) return await attempt(first)
  return await attempt(first).catch(async () => await firstThatWorks(rest, attempt))
}
