import { spawn } from 'node:child_process'
import { CredctlError } from '../errors.ts'

/** What git may know of our environment: how to find itself, its user's keys, and no more. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Runs git with arguments as they are: no shell, no prompt, bounded. Errors: `unavailable`. */
export interface Git {
  (args: readonly string[], input?: string): Promise<Buffer>
  /** Contents by name (`REVISION:path` or an id); undefined for what is not there. */
  objects(names: readonly string[]): Promise<(Buffer | undefined)[]>
}

const TIMEOUT_MS = 60_000
const MAX_BYTES = 256 * 1024 * 1024
const PASSED = ['PATH', 'HOME', 'USER', 'SSH_AUTH_SOCK', 'GIT_SSH_COMMAND', 'GIT_CONFIG_GLOBAL']

/** Whatever the repository's own configuration says: it runs no program of its choosing for us. */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.fsync=all',
  'commit.gpgSign=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'protocol.ext.allow=never',
  'submodule.recurse=false',
].flatMap((setting) => ['-c', setting])

export function gitIn(directory: string, environment: Environment): Git {
  const run = (args: readonly string[], input = '') =>
    runGit(['-C', directory, ...SETTINGS, ...args], environment, input)
  const objects = async (names: readonly string[]) => {
    if (names.length === 0) return []
    if (names.some((name) => /[\n\0]/.test(name))) throw failed(['cat-file'], 'a name is not one')
    return parseBatch(await run(['cat-file', '--batch'], `${names.join('\n')}\n`), names.length)
  }
  return Object.assign(run, { objects })
}

function runGit(args: readonly string[], environment: Environment, input: string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const child = spawn('git', args, { env: childEnvironment(environment), timeout: TIMEOUT_MS })
  const output: Buffer[] = []
  let size = 0
  let complaint = ''
  child.on('error', () => reject(failed(args, 'git cannot be run')))
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length
    output.push(chunk)
    if (size > MAX_BYTES) child.kill()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaint.length < 1_000) complaint += chunk.toString('utf8')
  })
  child.on('close', (status) => {
    if (status === 0) resolve(Buffer.concat(output))
    else reject(failed(args, lastLine(complaint) || `status ${String(status)}`))
  })
  // git may end before it has read everything; its status tells.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  return promise
}

function childEnvironment(environment: Environment): Record<string, string> {
  const passed = PASSED.flatMap((name): [string, string][] => {
    const value = environment[name]
    return value === undefined ? [] : [[name, value]]
  })
  const who = { NAME: 'credctl', EMAIL: 'credctl@localhost' }
  const people = ['AUTHOR', 'COMMITTER'].flatMap((role) =>
    Object.entries(who).map(([key, value]): [string, string] => [`GIT_${role}_${key}`, value]),
  )
  return { ...Object.fromEntries([...passed, ...people]), GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' }
}

/** `<id> <type> <size>\n<content>\n` for each, or `<name> missing\n`. */
function parseBatch(output: Buffer, count: number): (Buffer | undefined)[] {
  const found: (Buffer | undefined)[] = []
  let at = 0
  while (found.length < count) {
    const end = output.indexOf(0x0a, at)
    if (end < 0) throw failed(['cat-file'], 'its answer is cut')
    const header = output.toString('utf8', at, end)
    const [, type, size] = /^[0-9a-f]{40,64} (\w+) (\d+)$/.exec(header) ?? []
    if (size === undefined) {
      found.push(undefined)
      at = end + 1
      continue
    }
    const start = end + 1
    found.push(type === 'blob' ? output.subarray(start, start + Number(size)) : undefined)
    at = start + Number(size) + 1
  }
  return found
}

/** What git said last, without the password that an address may hold. */
function lastLine(text: string): string {
  const line = text.trim().split('\n').at(-1) ?? ''
  return line.replaceAll(/\/\/[^\s/@]*@/g, '//…@')
}

/** Without its arguments: a remote's address may hold a password. */
function failed(args: readonly string[], why: string): CredctlError {
  const command = args.find((arg) => /^[a-z]+(-[a-z]+)*$/.test(arg)) ?? ''
  return new CredctlError('unavailable', `git ${command} failed`, { cause: new Error(why) })
}
