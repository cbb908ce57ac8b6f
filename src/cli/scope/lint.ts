import { stat } from 'node:fs/promises'
import { type Diagnostic, formatDiagnostic, sortDiagnostics } from '../../document/diagnostic.ts'
import { listFiles } from '../../scope/catalog.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { ConfigFlag, LintFormat, ScopesFlag } from '../flags.ts'
import type { ScopeLintOutput } from '../output/scope.ts'
import { note, printable } from '../terminal.ts'
import { readEnvironments } from './environments.ts'
import { githubAnnotations, SCOPE_RULE, sarif } from './lint-formats.ts'
import { problemsInAll } from './lint-threads.ts'

type Flags = ScopesFlag & ConfigFlag & { readonly output: LintFormat }

/** `credctl scope lint [PATH…]`: every problem of every file at once. */
export default async function lint(
  cli: Cli,
  flags: Flags,
  ...paths: readonly string[]
): Promise<number> {
  const { files, missing } = await collect(paths.length > 0 ? paths : [flags.scopes])
  const { file, config, diagnostics } = await readEnvironments(cli, flags.config)
  const work = { files, config: config === undefined ? undefined : file }
  const problems = sortDiagnostics([...missing, ...diagnostics, ...(await problemsInAll(work))])
  const value: ScopeLintOutput = {
    ok: problems.length === 0,
    files: files.length,
    ...(file === undefined ? {} : { config: file }),
    problems,
  }
  for (const problem of problems)
    cli.process.stderr.write(`${printable(formatDiagnostic(problem))}\n`)
  note(cli, summary(value))
  cli.process.stdout.write(FORMATS[flags.output](value))
  return value.ok ? EXIT.ok : EXIT.failed
}

/** For people the problems are on stderr; the rest is for programs. */
const FORMATS: Readonly<Record<LintFormat, (value: ScopeLintOutput) => string>> = {
  text: () => '',
  json: (value) => `${JSON.stringify(value, null, 2)}\n`,
  github: ({ problems }) => githubAnnotations(problems),
  sarif: ({ problems }) => sarif(problems, SCOPE_RULE),
}

async function collect(paths: readonly string[]) {
  const listed = await Promise.all(paths.map(async (path) => await filesOf(path)))
  return {
    files: [...new Set(listed.flatMap((each) => ('files' in each ? each.files : [])))],
    missing: listed.filter((each): each is Diagnostic => 'message' in each),
  }
}

/** A path that is not a directory is taken as a scope file; loading it says what is wrong with it. */
async function filesOf(path: string): Promise<{ files: string[] } | Diagnostic> {
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  return isDirectory ? await listFiles(path) : { files: [path] }
}

function summary({ files, problems, config }: ScopeLintOutput): string {
  const where = config === undefined ? 'without a configuration' : `with ${config}`
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`
  return `${count(files, 'file')} checked ${where}: ${count(problems.length, 'problem')}`
}
