import { access, mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { CredctlError } from '../../errors.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import type { InitOutput } from '../output/init.ts'
import { answer, note } from '../terminal.ts'
import { templates } from './templates.ts'

type Flags = OutputFlag & {
  readonly githubOwnerId: string
  readonly githubRepositoryId: string
  readonly yes: boolean
}

/** `credctl init`: a configuration, a first scope and a check for pull requests, after asking. */
export default async function init(cli: Cli, flags: Flags): Promise<number> {
  const ids = { owner: flags.githubOwnerId, repository: flags.githubRepositoryId }
  const files = templates(ids)
  await refuseExisting([...files.keys()])
  if (!flags.yes && !(await isWanted(cli, [...files.keys()]))) return EXIT.failed
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

async function isWanted({ process }: Cli, files: readonly string[]): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new CredctlError('usage', 'nobody is there to be asked', { hint: 'Give --yes.' })
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const said = await lines.question(`Write ${files.join(', ')}? [y/N] `)
  lines.close()
  return /^y(es)?$/i.test(said.trim())
}
