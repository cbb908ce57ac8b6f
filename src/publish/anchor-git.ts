import { mkdir } from 'node:fs/promises'
import type { GitAnchorConfig } from '../config/anchors.ts'
import { CredctlError } from '../errors.ts'
import type { Anchor, Anchored } from './anchor.ts'
import { type Environment, type Git, gitIn } from './git.ts'

/** The one file of each commit. */
const FILE = 'checkpoint'

/**
 * A repository with one commit a checkpoint. Commits are made from objects alone: no working tree,
 * no index, no hooks. With a remote each is pushed, never by force, and continues what the remote
 * has, so that replicas share one history.
 */
export function gitAnchor(
  { directory, remote, branch }: GitAnchorConfig,
  environment: Environment,
): Anchor {
  const git = gitIn(directory, environment)
  const local = `refs/heads/${branch}`
  const tip = async () => {
    if (remote === undefined) return await revision(git, local)
    const fetched = `refs/credctl/${remote}/${branch}`
    // A remote without the branch has nothing to fetch.
    const found = (await git(['ls-remote', remote, local])).toString() !== ''
    if (!found) return await revision(git, local)
    await git(['fetch', '--quiet', '--no-tags', remote, `+${local}:${fetched}`])
    return await revision(git, fetched)
  }
  return {
    async put(checkpoint) {
      await prepare(git, directory, branch)
      const parent = await tip()
      const commit = await commitOf(git, checkpoint, parent)
      await git(['update-ref', local, commit])
      if (remote !== undefined) await git(['push', '--quiet', remote, `${commit}:${local}`])
    },
    async read(limit) {
      const head = await tip()
      if (head === undefined) return { kept: [], unreadable: 0 }
      const listed = await git(['rev-list', `--max-count=${limit}`, head, '--', FILE])
      const commits = listed.toString().split('\n').filter(Boolean).reverse()
      const found = await git.objects(commits.map((commit) => `${commit}:${FILE}`))
      const kept = found.flatMap((bytes) =>
        bytes === undefined ? [] : [{ note: bytes.toString('utf8') }],
      )
      return { kept, unreadable: found.length - kept.length }
    },
  }
}

/** Makes the repository when there is none: what else could be meant by a name of nothing? */
async function prepare(git: Git, directory: string, branch: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true })
  } catch (cause) {
    throw new CredctlError('unavailable', `${directory} cannot be made`, { cause })
  }
  const isRepository = await git(['rev-parse', '--git-dir']).then(
    () => true,
    () => false,
  )
  if (!isRepository) await git(['init', '--quiet', `--initial-branch=${branch}`])
}

async function revision(git: Git, ref: string): Promise<string | undefined> {
  const found = await git(['for-each-ref', '--format=%(objectname)', ref])
  return found.toString().trim() || undefined
}

async function commitOf(
  git: Git,
  { note, origin, size }: Anchored,
  parent: string | undefined,
): Promise<string> {
  const blob = (await git(['hash-object', '-w', '--stdin'], note)).toString().trim()
  const tree = (await git(['mktree'], `100644 blob ${blob}\t${FILE}\n`)).toString().trim()
  const parents = parent === undefined ? [] : ['-p', parent]
  const message = `${size} entries of ${origin}\n`
  return (await git(['commit-tree', tree, ...parents], message)).toString().trim()
}
