import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'

/** A process id together with when it started: ids are used again, the pair is not. */
export interface ProcessIdentity {
  readonly pid: number
  readonly started: string
}

export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const started = process.platform === 'linux' ? await startTicks(pid) : await ps(pid, 'lstart=')
  return started === undefined || started === '' ? undefined : { pid, started }
}

/** Field 22 of proc_pid_stat(5), counted after the command, which may hold spaces and brackets. */
async function startTicks(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie has ended; only its parent has not noticed yet.
  return fields?.[0] === 'Z' ? undefined : fields?.[19]
}

/** True when the process is a PostgreSQL server that works in this data directory. */
export async function servesDirectory(pid: number, data: string): Promise<boolean> {
  if (process.platform !== 'linux') {
    const command = (await ps(pid, 'command=')) ?? ''
    return command.includes('postgres') && command.includes(data)
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const directory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return command.includes('postgres') && directory === data
}

/** Any process that still works in the data directory, be it only a backend without its server. */
export async function anyoneIn(data: string): Promise<boolean> {
  if (process.platform !== 'linux') return false
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  for (const pid of pids) if (await servesDirectory(pid, data)) return true
  return false
}

/** Waits until the process is gone. False when it is still there after `milliseconds`. */
export async function waitForEnd(pid: number, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds
  while ((await identify(pid)) !== undefined) {
    if (performance.now() > deadline) return false
    await pause(5)
  }
  return true
}

export function signal(pid: number, name: 'SIGINT' | 'SIGQUIT'): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function ps(pid: number, field: string): Promise<string | undefined> {
  try {
    const args = ['-ww', '-o', field, '-p', String(pid)]
    return (await promisify(execFile)('/bin/ps', args, { env: { LC_ALL: 'C' } })).stdout.trim()
  } catch {
    return undefined
  }
}
