import { access, mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { CredctlError } from '../../errors.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import type { InitOutput } from '../output/init.ts'
import { answer, note } from '../terminal.ts'
import { type Ids, templates } from './templates.ts'

type Flags = OutputFlag & {
  readonly githubOwnerId?: string
  readonly githubRepositoryId?: string
  readonly yes: boolean
}

/** `credctl init`: a configuration, a first scope and a check for pull requests, after asking. */
export default async function init(cli: Cli, flags: Flags): Promise<number> {
  const names = [...templates(NOBODY).keys()]
  await refuseExisting(names)
  const ids = flags.yes ? given(flags) : await asked(cli, flags, names)
  if (ids === undefined) return EXIT.failed
  const files = templates(ids)
  for (const [file, text] of files) {
    await mkdir(dirname(file), { recursive: true })
    // Never over something: it may have appeared meanwhile.
    await writeFile(file, text, { flag: 'wx' })
  }
  const value: InitOutput = { files: [...files.keys()] }
  answer(cli, flags, value, (written) => written.files.map((file) => `${file}\n`).join(''))
  note(
    cli,
    'next: make credctl.yaml true, run credctl postgres setup app-db --env dev, then credctl doctor',
  )
  note(cli, 'keep .credctl/ out of the repository: keys and the log of a local broker are in it')
  return EXIT.ok
}

async function refuseExisting(files: readonly string[]): Promise<void> {
  const there = await Promise.all(files.map(exists))
  const existing = files.filter((_file, index) => there[index])
  if (existing.length === 0) return
  throw new CredctlError('usage', `there is already ${existing.join(' and ')}`, {
    hint: 'Nothing was written: credctl init is for a repository without them.',
  })
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  )
}

/** Numeric ids begin with another digit: nobody is believed until the real one stands there. */
const NOBODY: Ids = { owner: '0', repository: '0' }

function given({ githubOwnerId, githubRepositoryId }: Flags): Ids {
  return {
    owner: githubOwnerId ?? NOBODY.owner,
    repository: githubRepositoryId ?? NOBODY.repository,
  }
}

/** What the flags leave open, and whether to write at all; undefined when not. */
async function asked(
  { process }: Cli,
  flags: Flags,
  names: readonly string[],
): Promise<Ids | undefined> {
  if (!process.stdin.isTTY) {
    throw new CredctlError('usage', 'nobody is there to be asked', { hint: 'Give --yes.' })
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const id = async (known: string | undefined, what: string) =>
      known ?? numeric(await lines.question(`Numeric id of ${what} [0, nobody]: `))
    const owner = await id(flags.githubOwnerId, 'the organisation or user on GitHub')
    const repository = await id(flags.githubRepositoryId, 'the repository on GitHub')
    const said = await lines.question(`Write ${names.join(', ')}? [y/N] `)
    return /^y(es)?$/i.test(said.trim()) ? { owner, repository } : undefined
  } finally {
    lines.close()
  }
}

function numeric(said: string): string {
  const text = said.trim()
  if (text === '') return NOBODY.owner
  if (/^\d{1,19}$/.test(text)) return text
  const hint = 'gh api repos/OWNER/NAME shows it.'
  throw new CredctlError('usage', 'this is not a numeric id', { hint })
}
