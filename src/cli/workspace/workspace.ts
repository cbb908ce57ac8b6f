import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { loadConfig } from '../../config.ts'
import { CredctlError } from '../../errors.ts'
import { loadCatalog } from '../../scope/catalog.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { ConfigFlag, LintFormat, ScopesFlag } from '../flags.ts'
import { Progress } from '../log/progress.ts'
import type { WorkspaceFinding, WorkspaceOutput } from '../output/workspace.ts'
import { githubAnnotations, sarif } from '../scope/lint-formats.ts'
import { bold, note, printable } from '../terminal.ts'
import { listFiles, MAX_FILES, readText, shown } from './files.ts'
import { findingsIn } from './finding.ts'
import { homeFiles } from './home.ts'
import type { Declared } from './replacement.ts'

type Flags = ScopesFlag &
  ConfigFlag & {
    readonly output: LintFormat
    readonly home: boolean
    readonly accept?: readonly string[]
  }

/** Nobody waits longer, and a check that was cut short has failed. */
const DEADLINE_MS = 120_000

/**
 * `credctl doctor workspace [DIR…]`: long-lived secrets that an agent could read, and which scope
 * would replace each. Never prints one.
 */
export default async function workspace(
  cli: Cli,
  flags: Flags,
  ...directories: readonly string[]
): Promise<number> {
  const roots = directories.length > 0 ? directories : ['.']
  const value = await check(cli, roots, flags)
  for (const finding of value.findings) cli.process.stderr.write(text(cli, finding))
  note(cli, summary(value))
  cli.process.stdout.write(FORMATS[flags.output](value))
  return value.ok ? EXIT.ok : EXIT.failed
}

/** For people the findings are on stderr, as the problems of `scope lint` are. */
const FORMATS: Readonly<Record<LintFormat, (value: WorkspaceOutput) => string>> = {
  text: () => '',
  json: (value) => `${JSON.stringify(value, null, 2)}\n`,
  github: ({ findings }) => githubAnnotations(findings.map(toDiagnostic)),
  sarif: ({ findings }) => sarif(findings.map(toDiagnostic), RULE),
}

const RULE = { id: 'long-lived-secret', text: 'A long-lived secret that an agent could read' }

async function check(cli: Cli, roots: readonly string[], flags: Flags): Promise<WorkspaceOutput> {
  const home = cli.process.env['HOME'] ?? homedir()
  const declared = await declaredIn(flags)
  const { paths, unseen, complete: isWhole } = await pathsOf(roots, flags.home ? home : undefined)
  const accepted = new Set(flags.accept ?? [])
  const findings: WorkspaceFinding[] = []
  const passedOver = [...unseen]
  const progress = new Progress(cli, 'files')
  const deadline = performance.now() + DEADLINE_MS
  let files = 0
  let complete = isWhole
  for (const [index, path] of paths.entries()) {
    if (performance.now() > deadline) {
      complete = false
      break
    }
    progress.show(index, paths.length)
    const content = await readText(path)
    if (content.kind !== 'missing') files += 1
    if (content.kind === 'text') {
      const place = { path, shown: shown(path, home) }
      findings.push(...(await findingsIn(place, content.text, declared)))
    } else if (content.kind === 'too_large' || content.kind === 'unreadable') {
      passedOver.push(path)
    }
  }
  progress.clear()
  const open = findings.filter(({ fingerprint }) => !accepted.has(fingerprint))
  return {
    ok: open.length === 0 && complete,
    complete,
    files,
    not_looked_at: passedOver.map((path) => shown(path, home)),
    accepted: findings.length - open.length,
    findings: open,
  }
}

async function pathsOf(roots: readonly string[], home: string | undefined) {
  const listed = await Promise.all(roots.map((root) => listFiles(resolve(root))))
  const nowhere = listed.findIndex(({ unseen }, index) => unseen[0] === resolve(roots[index] ?? ''))
  if (nowhere >= 0) {
    const hint = 'Name directories that can be read.'
    throw new CredctlError('usage', `${roots[nowhere]} cannot be read as a directory`, { hint })
  }
  const known = home === undefined ? [] : await homeFiles(home)
  return {
    paths: [...new Set([...listed.flatMap(({ paths }) => paths), ...known])],
    unseen: listed.flatMap(({ unseen }) => unseen),
    complete: listed.every(({ complete }) => complete),
  }
}

/** Without a configuration or with a broken one secrets are found all the same. */
async function declaredIn(flags: Flags): Promise<Declared> {
  const [config, catalog] = await Promise.all([loadConfig(flags.config), loadCatalog(flags.scopes)])
  return {
    config: config.ok ? config.config : undefined,
    catalog: catalog.ok ? catalog.catalog : catalog.partial,
  }
}

function toDiagnostic({ file, line, column, what, next }: WorkspaceFinding) {
  return { file, line, column, message: `${what}. ${next}` }
}

function text(cli: Cli, finding: WorkspaceFinding): string {
  const { file, line, column, what, fingerprint, next } = finding
  const place = bold(cli, printable(`${file}:${line}:${column}`))
  return `${place}: ${printable(what)} (${fingerprint})\n  ${printable(next)}\n`
}

function summary({ files, findings, not_looked_at: rest, accepted, complete }: WorkspaceOutput) {
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`
  return [
    `${count(files, 'file')} looked at: ${count(findings.length, 'secret')} that an agent could read`,
    ...(accepted > 0 ? [`${accepted} accepted`] : []),
    ...(rest.length > 0 ? [`${rest.length} not looked at (too large, unreadable, or a link)`] : []),
    ...(complete
      ? []
      : [`stopped before the end, at ${MAX_FILES} files or ${DEADLINE_MS / 1000} s`]),
  ].join('; ')
}
