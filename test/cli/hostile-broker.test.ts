import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCredctl } from './session.ts'

/** What an honest broker answers; each case breaks one thing. */
const DETAILS = {
  grant: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  expires_at: '2030-01-01T00:00:00Z',
  targets: { db: { kind: 'postgres' } },
  blast_radius: { tables: 1, resources: { named: 0, wildcard: 0 } },
}
const GRANT = { access_token: 'eyJ.good.token', authorization_details: [DETAILS] }
const CREDENTIAL = {
  host: '127.0.0.1',
  port: 5432,
  database: 'shop',
  user: 'u',
  password: 'p:w\\d',
  sslmode: 'disable',
  uri: 'postgresql://u:p@127.0.0.1:5432/shop',
  expires_at: '2030-01-01T00:00:00Z',
}

let server: Server
let home = ''
const answers: { grant: unknown; credential: unknown; ended: number } = {
  grant: GRANT,
  credential: CREDENTIAL,
  ended: 0,
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'credctl-hostile-'))
  await writeFile(join(home, 'identity'), 'eyJ.my.identity')
  server = createServer((request, response) => {
    request.resume()
    if (request.method === 'DELETE') answers.ended += 1
    const body =
      request.method === 'DELETE'
        ? { id: DETAILS.grant, revocations: [] }
        : request.url === '/token'
          ? answers.grant
          : answers.credential
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
})
afterAll(async () => {
  server?.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(home, { recursive: true, force: true })
})

async function exec(change: Partial<typeof answers>) {
  Object.assign(answers, { grant: GRANT, credential: CREDENTIAL, ended: 0 }, change)
  const { port } = server.address() as AddressInfo
  const argv = ['exec', '--scope', 's', '--env', 'e', '--', 'sh', '-c', 'cat $PGPASSFILE; echo ran']
  const env = {
    CREDCTL_BROKER: `http://127.0.0.1:${port}`,
    CREDCTL_IDENTITY_TOKEN_FILE: join(home, 'identity'),
    TMPDIR: home,
  }
  const outcome = await runCredctl(argv, { cwd: home, env })
  const files = (await readdir(home)).filter((name) => name.startsWith('credctl-'))
  return { ...outcome, files }
}

const detailsWith = (change: object) => ({
  ...GRANT,
  authorization_details: [{ ...DETAILS, ...change }],
})

describe('credctl exec with a broker that answers', () => {
  test('as it should: colons and backslashes of a password are quoted', async () => {
    const { status, stdout, stderr } = await exec({})
    expect(status, stderr).toBe(0)
    expect(stdout).toBe('127.0.0.1:5432:shop:u:p\\:w\\\\d\nran\n')
    expect(answers.ended).toBe(1)
  })

  test.each([
    ['no JSON', '<html>'],
    ['a list', []],
    ['no token', { ...GRANT, access_token: undefined }],
    ['a token with a line break', { ...GRANT, access_token: 'a\r\nX-Admin: 1' }],
    ['no details', { ...GRANT, authorization_details: [] }],
    ['a grant id that is a path', detailsWith({ grant: '../../v1/scopes' })],
    ['a target that is a section', detailsWith({ targets: { 'a]\n[b': { kind: 'postgres' } } })],
    [
      'a region that is a setting',
      detailsWith({ targets: { a: { kind: 'aws', region: 'x\ny=z' } } }),
    ],
    ['a time that is none', detailsWith({ expires_at: 'soon' })],
    ['more than anybody reads', 'x'.repeat(5_000_000)],
  ])('with %s runs nothing and leaves no file', async (_what, grant) => {
    const { status, stdout, stderr, files } = await exec({ grant })
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(files).toEqual([])
    expect(stderr.length).toBeLessThan(500)
  })

  test.each([
    ['a line break in the password', { ...CREDENTIAL, password: 'a\n*:*:*:*:b' }],
    ['a line break in the host', { ...CREDENTIAL, host: 'h\npassword=x' }],
    ['a port that is text', { ...CREDENTIAL, port: '5432' }],
    ['no user', { ...CREDENTIAL, user: undefined }],
  ])(
    'a credential with %s: runs nothing, ends the grant, shows no value',
    async (_what, credential) => {
      const { status, stdout, stderr, files } = await exec({ credential })
      expect(status).toBe(1)
      expect(stdout).toBe('')
      expect(files).toEqual([])
      expect(answers.ended).toBe(1)
      expect(stderr).not.toContain('password=x')
      expect(stderr).not.toContain('*:*')
    },
  )
})
