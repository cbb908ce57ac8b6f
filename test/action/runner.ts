import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** As much of a runner of GitHub Actions as a step sees: inputs, files of commands, identity. */
export interface Job {
  /** Audiences that the job asked identity tokens for. */
  readonly audiences: readonly string[]
  main(inputs: Readonly<Record<string, string>>): Promise<Step>
  /** After `main`, with the state that it saved. */
  post(): Promise<Step>
  close(): Promise<void>
}

export interface Step {
  readonly status: number | null
  readonly log: string
  readonly env: ReadonlyMap<string, string>
  readonly outputs: ReadonlyMap<string, string>
  readonly summary: string
  /** What the runner hides from here on. */
  readonly masks: readonly string[]
  /** The log as the runner shows it: commands of masks are taken out of it. */
  readonly shown: string
}

const ACTION = join(import.meta.dirname, '../../action')

/** A job whose identity tokens come from `issue`; without one the job has no `id-token: write`. */
export async function startJob(issue?: (audience: string) => Promise<string>): Promise<Job> {
  const directory = await mkdtemp(join(tmpdir(), 'credctl-action-'))
  const audiences: string[] = []
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://runner')
    if (request.headers.authorization !== 'Bearer request-token') {
      response.writeHead(401).end()
      return
    }
    const audience = url.searchParams.get('audience') ?? ''
    audiences.push(audience)
    response.end(JSON.stringify({ value: await issue?.(audience) }))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const identity = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
  }
  let state: ReadonlyMap<string, string> = new Map()

  async function run(script: string, given: Readonly<Record<string, string>>): Promise<Step> {
    const names = ['GITHUB_ENV', 'GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_STEP_SUMMARY']
    const files = Object.fromEntries(names.map((name) => [name, join(directory, name)]))
    for (const file of Object.values(files)) await writeFile(file, '')
    const env = { ...(issue === undefined ? {} : identity), ...files, ...given }
    const child = spawn(process.execPath, [join(ACTION, script)], { env })
    let log = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        log += chunk
      })
    }
    const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
    const text = (name: string) => readFile(files[name] ?? '', 'utf8')
    if (script === 'main.js') state = assignments(await text('GITHUB_STATE'))
    const masks = [...log.matchAll(/^::add-mask::(.*)$/gm)].map(([, value = '']) => value)
    return {
      status,
      log,
      env: assignments(await text('GITHUB_ENV')),
      outputs: assignments(await text('GITHUB_OUTPUT')),
      summary: await text('GITHUB_STEP_SUMMARY'),
      masks,
      shown: log.replaceAll(/^::add-mask::.*\n/gm, ''),
    }
  }

  return {
    audiences,
    main: (inputs) =>
      run(
        'main.js',
        Object.fromEntries(
          Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
        ),
      ),
    post: () =>
      run(
        'post.js',
        Object.fromEntries([...state].map(([name, value]) => [`STATE_${name}`, value])),
      ),
    close: async () => {
      await new Promise((resolve) => server.close(resolve))
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The runner's own reading of `name<<delimiter`, value, delimiter. */
function assignments(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const lines = text.split('\n')
  for (let at = 0; at < lines.length && lines[at] !== ''; ) {
    const [name = '', delimiter = ''] = (lines[at] ?? '').split('<<')
    const end = lines.indexOf(delimiter, at + 1)
    if (end < 0) throw new Error(`no end of ${name}`)
    found.set(name, lines.slice(at + 1, end).join('\n'))
    at = end + 1
  }
  return found
}
