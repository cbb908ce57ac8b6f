import { execFile, fork } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  onTestFinished,
} from 'vitest'
import { type EmbeddedServer, startEmbedded } from '../../src/embedded/embedded.ts'
import { identify, waitForEnd } from '../../src/embedded/process.ts'

const initdb = ['--wal-segsize=1', '--no-sync']
const running: EmbeddedServer[] = []
let template: string
let directory: string

/** A directory that the server's account can enter. */
async function scratch(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'credctl embedded ü-'))
  await chmod(parent, 0o711)
  return parent
}

beforeAll(async () => {
  template = join(await scratch(), 'template')
  await (await startEmbedded({ directory: template, initdb })).stop()
})

afterAll(() => rm(join(template, '..'), { recursive: true, force: true }))

/** Each test starts over a stopped server: making the first data directory takes half a second. */
beforeEach(async () => {
  directory = join(await scratch(), 'state', 'data base')
  await mkdir(join(directory, '..'))
  await promisify(execFile)('cp', ['-a', template, directory])
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()))
  await rm(join(directory, '..', '..'), { recursive: true, force: true })
})

async function start(options: Partial<Parameters<typeof startEmbedded>[0]> = {}) {
  const server = await startEmbedded({ directory, initdb, ...options })
  running.push(server)
  return server
}

async function query(server: EmbeddedServer, sql: string, options: pg.ClientConfig = {}) {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: server.superuser.user,
    password: server.superuser.password.reveal(),
    database: 'postgres',
    ...options,
  })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function setting(server: EmbeddedServer, name: string): Promise<string> {
  return (await query(server, `SELECT current_setting('${name}') AS value`))[0].value
}

describe('an embedded server', () => {
  it('keeps its data and its password over restarts, in a path with spaces and umlauts', async () => {
    const first = await start()
    await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    const second = await start()
    expect(second.superuser.password.reveal()).toBe(first.superuser.password.reveal())
    expect(await query(second, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  })

  it('is durable, in UTF-8, and listens on this machine only', async () => {
    const server = await start()
    const names = ['fsync', 'synchronous_commit', 'server_encoding', 'listen_addresses']
    expect(await Promise.all(names.map((name) => setting(server, name)))).toEqual([
      'on',
      'on',
      'UTF8',
      '127.0.0.1',
    ])
    expect(await setting(server, 'unix_socket_directories')).toBe('')
  })

  it('lets nobody in without the password, not even from this machine', async () => {
    const server = await start()
    await expect(query(server, 'SELECT 1', { password: 'wrong' })).rejects.toThrow(
      /password authentication failed/,
    )
    const rules = await query(server, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules')
    expect(rules).toEqual([{ auth_method: 'scram-sha-256' }])
  })

  it('inherits nothing from the environment of the broker', async () => {
    process.env['CREDCTL_TEST_MARK'] = 'must-not-be-inherited'
    try {
      const server = await start()
      const environment = await readFile(`/proc/${server.pid}/environ`, 'utf8')
      expect(environment).not.toContain('must-not-be-inherited')
      expect(environment.split('\0').map((each) => each.split('=')[0])).not.toContain('HOME')
    } finally {
      delete process.env['CREDCTL_TEST_MARK']
    }
  })

  it('leaves its password readable by the broker alone, and in no argument or log', async () => {
    const server = await start()
    const password = server.superuser.password.reveal()
    const files = await readdir(directory)
    for (const file of files.filter((name) => name !== 'data')) {
      expect((await stat(join(directory, file))).mode & 0o077, file).toBe(0)
    }
    expect(files.filter((name) => name.startsWith('new-'))).toEqual([])
    expect(await readFile(`/proc/${server.pid}/cmdline`, 'utf8')).not.toContain(password)
    expect(await readFile(join(directory, 'server.log'), 'utf8')).not.toContain(password)
    expect(JSON.stringify(server)).not.toContain(password)
  })

  it('does not write a failing statement with its password verifier to the log', async () => {
    const server = await start()
    const failing = query(server, "ALTER ROLE nobody_here PASSWORD 'hunter2-in-a-statement'")
    await expect(failing).rejects.toThrow(/does not exist/)
    expect(await readFile(join(directory, 'server.log'), 'utf8')).not.toContain('hunter2')
  })

  it('takes settings of the caller and a fixed port', async () => {
    const port = await unusedPort()
    const server = await start({ port, settings: { max_connections: '17' } })
    expect(server.port).toBe(port)
    expect(await setting(server, 'max_connections')).toBe('17')
  })

  it('says so when the fixed port is taken', async () => {
    const other = createServer()
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening))
    const port = (other.address() as { port: number }).port
    try {
      await expect(start({ port })).rejects.toMatchObject({
        code: 'unavailable',
        message: `PostgreSQL did not start on 127.0.0.1:${port}`,
      })
    } finally {
      other.close()
    }
    await start()
  })

  it('ends with its open sessions when it is stopped', async () => {
    const server = await start()
    const client = new pg.Client({
      ...server.superuser,
      host: server.host,
      port: server.port,
      password: server.superuser.password.reveal(),
      database: 'postgres',
    })
    const ended = new Promise((resolve) => client.on('error', resolve))
    await client.connect()
    await server.stop()
    await expect(ended).resolves.toBeInstanceOf(Error)
    expect(await identify(server.pid)).toBeUndefined()
    await server.exited
  })
})

describe.runIf(process.getuid?.() === 0)('started by root in a directory of its own', () => {
  const closed = async () => {
    await rm(directory, { recursive: true })
    await chmod(join(directory, '..', '..'), 0o700)
  }
  const location = () => readFile(join(directory, 'location'), 'utf8')

  it('keeps its data where the account of the server can be, and finds it again', async () => {
    await closed()
    const first = await start()
    await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    const place = join('/var/lib/credctl', (await location()).trim())
    onTestFinished(() => rm(place, { recursive: true, force: true }))
    expect(await setting(await start(), 'data_directory')).toBe(join(place, 'data'))
    expect(await query(running[1]!, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
    expect(await readdir(directory)).toEqual(['location'])
  })

  it('begins anew when the directory was removed', async () => {
    await closed()
    const places: string[] = []
    for (const round of [1, 2]) {
      const server = await start()
      places.push(join('/var/lib/credctl', (await location()).trim()))
      await query(server, `CREATE TABLE round AS SELECT ${round} AS number`)
      await server.stop()
      await rm(directory, { recursive: true })
    }
    onTestFinished(async () => {
      for (const place of places) await rm(place, { recursive: true, force: true })
    })
    expect(new Set(places).size).toBe(2)
  })

  it.each(['', '../../etc', '0123456789abcdeg'])('refuses a location of %j', async (text) => {
    await closed()
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'location'), text)
    await expect(start()).rejects.toThrow(/location is damaged/)
  })
})

describe('a start over what an earlier one left', () => {
  it('is refused while the directory is in use', async () => {
    const first = await start()
    await expect(start()).rejects.toMatchObject({
      code: 'unavailable',
      message: `process ${process.pid} already runs the database in this directory`,
    })
    expect(await query(first, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('stops the server of a broker that was killed, and loses nothing', async () => {
    const left = await abandonServer()
    expect(await identify(left.pid)).toBeDefined()
    const server = await start()
    expect(await identify(left.pid)).toBeUndefined()
    expect(await query(server, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  })

  it('does not touch an unrelated process that has the old pid now', async () => {
    const bystander = fork(fileURLToPath(new URL('idle.ts', import.meta.url)))
    try {
      const pidFile = `${bystander.pid}\n${join(directory, 'data')}\n1\n1\n\n\n\nready\n`
      await writeFile(join(directory, 'data', 'postmaster.pid'), pidFile)
      const server = await start()
      expect(await query(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
      expect(await identify(bystander.pid as number)).toBeDefined()
    } finally {
      bystander.kill()
    }
  })

  it('starts anew when the first start died half-way', async () => {
    await rm(join(directory, 'data'), { recursive: true })
    await mkdir(join(directory, 'new-abc', 'data'), { recursive: true })
    const server = await start()
    expect(await query(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('refuses data of another major version, naming both', async () => {
    await writeFile(join(directory, 'data', 'PG_VERSION'), '15\n')
    await expect(start()).rejects.toThrow(/was made by PostgreSQL 15, this is 18/)
  })

  it('refuses to go on without the password file', async () => {
    await rm(join(directory, 'superuser-password'))
    await expect(start()).rejects.toThrow(/superuser-password is missing/)
  })

  it('refuses a directory that holds something else', async () => {
    await rm(directory, { recursive: true })
    await mkdir(directory, { recursive: true })
    await chmod(directory, 0o755)
    await writeFile(join(directory, 'thesis.txt'), 'mine')
    await expect(start()).rejects.toThrow(/belongs to another user or is open to all/)
    expect(await readdir(directory)).toEqual(['thesis.txt'])
  })
})

/** A server whose broker was ended with SIGKILL after it created a table. */
async function abandonServer(): Promise<{ pid: number }> {
  const script = fileURLToPath(new URL('abandon.ts', import.meta.url))
  const child = fork(script, [directory])
  const left = await new Promise<{ pid: number }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { pid: number }))
    child.once('exit', () => reject(new Error('abandon.ts ended early')))
  })
  child.kill('SIGKILL')
  await waitForEnd(child.pid as number, 5000)
  return left
}

async function unusedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as { port: number }
  await new Promise((closed) => server.close(closed))
  return port
}
