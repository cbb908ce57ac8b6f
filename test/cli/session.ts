import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * A command-line session as people read it. A file holds steps, parted by blank lines:
 *
 *     --- task-scopes/a.yaml       the lines below become this file of the session's directory
 *     $ credctl scope list         a command line; no shell, words in '…' stay together
 *     | text                       a line of standard output
 *     ! text                       a line of standard error
 *     !| text, !! text             a text that must not occur on stdout, on stderr
 *     ? 1                          the exit status; 0 when the line is missing
 *
 * `<name>` stands for anything but white space, `...` at the end of a line for its rest, a lone
 * `...` for any lines. In a command line, `<name>` is what it last stood for in an answer. A comment
 * starts with `#`.
 */
export interface Step {
  readonly line: number
  readonly argv: readonly string[]
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  readonly notStdout: readonly string[]
  readonly notStderr: readonly string[]
  readonly status: number
}

export interface Session {
  readonly files: ReadonlyMap<string, string>
  readonly steps: readonly Step[]
}

type Draft = { -readonly [K in keyof Step]: Step[K] extends readonly string[] ? string[] : Step[K] }

export function parseSession(text: string): Session {
  const files = new Map<string, string>()
  const steps: Draft[] = []
  let file: string | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const [, mark = '', rest = ''] = /^(--- |\$ credctl|!\||!!|[|!?#])(?: ?)(.*)$/.exec(line) ?? []
    if (mark === '$ credctl') {
      file = undefined
      steps.push({ ...EMPTY(), line: index + 1, argv: words(rest) })
    } else if (mark === '--- ') {
      file = rest
      files.set(rest, '')
    } else if (file !== undefined) {
      files.set(file, `${files.get(file)}${line}\n`)
    } else if (mark !== '#' && line !== '') {
      expectation(steps.at(-1), mark, rest, index + 1)
    }
  }
  return { files, steps }
}

function EMPTY(): Omit<Draft, 'line' | 'argv'> {
  return { stdout: [], stderr: [], notStdout: [], notStderr: [], status: 0 }
}

function expectation(step: Draft | undefined, mark: string, rest: string, line: number): void {
  if (step === undefined) throw new Error(`line ${line}: an expectation without a command`)
  if (mark === '|') step.stdout.push(rest)
  else if (mark === '!') step.stderr.push(rest)
  else if (mark === '!|') step.notStdout.push(rest)
  else if (mark === '!!') step.notStderr.push(rest)
  else if (mark === '?') step.status = Number(rest)
  else throw new Error(`line ${line}: not a step of a session`)
}

function words(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
}

/** Where two texts part, as the two lines; undefined when the output is what was expected. */
export function difference(expected: readonly string[], output: string): string | undefined {
  const pattern = expected.map(linePattern).join('')
  return new RegExp(`^${pattern}$`).test(output) ? undefined : output
}

/** What each `<name>` stands for in an output that was expected; the first time it is there. */
export function namedIn(expected: readonly string[], output: string): Map<string, string> {
  const names = [...expected.join('\n').matchAll(/<([a-z-]+)>/g)].map(([, name = '']) => name)
  const pattern = expected.map(linePattern).join('').replaceAll('\\S+', '(\\S+)')
  const [, ...values] = new RegExp(`^${pattern}$`).exec(output) ?? []
  return new Map(names.map((name, at): [string, string] => [name, values[at] ?? '']).reverse())
}

function linePattern(line: string): string {
  if (line === '...') return '(?:.*\\n)*?'
  const anything = line.endsWith('...')
  const fixed = anything ? line.slice(0, -3) : line
  const escaped = fixed
    .split(/(<[a-z-]+>)/)
    .map((part, index) =>
      index % 2 === 1 ? '\\S+' : part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
    )
  return `${escaped.join('')}${anything ? '.*' : ''}\\n`
}

export interface Outcome {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const BIN = join(import.meta.dirname, '../../bin/credctl.js')

/** Runs the real command as a process of its own, without this process's credentials or colours. */
export async function runCredctl(
  argv: readonly string[],
  options: {
    readonly cwd: string
    readonly env?: Readonly<Record<string, string>>
    readonly stdin?: string
  },
): Promise<Outcome> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: options.cwd, ...options.env }
  const child = spawn(process.execPath, [BIN, ...argv], { cwd: options.cwd, env })
  child.stdin.end(options.stdin ?? '')
  const [stdout, stderr, end] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<Pick<Outcome, 'status' | 'signal'>>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (status, signal) => resolve({ status, signal }))
    }),
  ])
  return { ...end, stdout, stderr }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += chunk
  return text
}

export async function writeFiles(directory: string, files: Session['files']): Promise<void> {
  for (const [name, text] of files) {
    const path = join(directory, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
}
