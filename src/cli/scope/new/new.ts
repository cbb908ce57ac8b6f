import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { Config } from '../../../config.ts'
import { parseSource } from '../../../document/document.ts'
import { DocumentError } from '../../../document/error.ts'
import { CredctlError } from '../../../errors.ts'
import { holeProblems } from '../../../scope/holes.ts'
import { scopeSchema } from '../../../scope/scope.ts'
import { type Cli, EXIT } from '../../cli.ts'
import type { ConfigFlag, OutputFlag, ScopesFlag } from '../../flags.ts'
import type { ScopeNewOutput } from '../../output/scope.ts'
import { answer, note, printable } from '../../terminal.ts'
import { readEnvironments } from '../environments.ts'
import { problemsInEnvironments } from '../lint-environments.ts'
import { type AskPerson, draftOf, type Given } from './questions.ts'
import { scopeText } from './template.ts'

type Flags = ScopesFlag & ConfigFlag & OutputFlag & Given

/** `credctl scope new NAME`: a first version of a scope, by flags or by asking on a terminal. */
export default async function create(cli: Cli, flags: Flags, name: string): Promise<number> {
  const file = join(flags.scopes, `${name}.yaml`)
  const config = await configFor(cli, flags.config)
  const draft = await asking(cli, (ask) => draftOf(name, flags, config, ask))
  const text = scopeText(draft)
  refuseInvalid(file, text, config)
  await mkdir(flags.scopes, { recursive: true })
  await writeNew(file, text)
  answer<ScopeNewOutput>(cli, flags, { file, scope: name }, (value) => `${value.file}\n`)
  note(cli, `next: credctl scope plan ${name} --env ${draft.environments[0]} shows what it gives`)
  return EXIT.ok
}

async function configFor(cli: Cli, named: string): Promise<Config> {
  const { config, diagnostics } = await readEnvironments(cli, named)
  if (diagnostics.length > 0) {
    throw new DocumentError('config_invalid', 'the configuration is not valid', diagnostics)
  }
  if (config !== undefined) return config
  const hint = 'Run credctl init, or name one with --config.'
  throw new CredctlError('config_invalid', `there is no configuration ${named}`, { hint })
}

/** What would be refused as a file is never written: the author sees why at once. */
function refuseInvalid(file: string, text: string, config: Config): void {
  const parsed = parseSource(file, text, scopeSchema)
  const problems = parsed.ok
    ? [
        ...holeProblems(parsed.value).map((problem) => parsed.document.locate(problem)),
        ...problemsInEnvironments([{ scope: parsed.value, document: parsed.document }], config),
      ]
    : parsed.diagnostics
  if (problems.length === 0) return
  throw new DocumentError('scopes_invalid', `nothing was written: ${file} would say`, problems)
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' })
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    if (!isThere) throw error
    throw new CredctlError('usage', `there is already ${file}`, { hint: 'Nothing was written.' })
  }
}

/** Questions need a person: without one, what is missing is a flag that is missing. */
async function asking<T>({ process }: Cli, run: (ask: AskPerson) => Promise<T>): Promise<T> {
  if (!process.stdin.isTTY) return await run(nobody)
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await run(async (question, choices = []) => {
      const shown = choices.length === 0 ? '' : ` [${choices.join(', ')}]`
      const said = (await lines.question(printable(`${question}${shown}: `))).trim()
      return said === '' ? (choices[0] ?? '') : said
    })
  } finally {
    lines.close()
  }
}

async function nobody(question: string): Promise<never> {
  const hint = 'On a terminal this is asked; elsewhere every flag is needed.'
  throw new CredctlError('usage', `not given: ${question}`, { hint })
}
