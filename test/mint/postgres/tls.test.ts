import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { serverAccount } from '../../../src/embedded/account.ts'
import { postgresTarget } from '../../../src/environment/target-postgres.ts'
import { postgresMint } from '../../../src/mint/postgres/mint.ts'
import { Secret } from '../../../src/secret/secret.ts'
import { testPostgres } from '../../support/postgres.ts'
import { createWorld, mintOn, type World } from './database.ts'

const ACCESS = { tables: { 'public.orders': ['select'] } }

const directory = mkdtempSync(join(tmpdir(), 'credctl-tls-'))
chmodSync(directory, 0o755)
const certificate = join(directory, 'server.crt')
const key = join(directory, 'server.key')
const made = makeCertificate()
const account = await serverAccount()
if (made && account !== undefined) chownSync(key, account.uid, account.gid)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** For `localhost` and no other name; without openssl there is nothing to test with. */
function makeCertificate(): boolean {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const files = ['-keyout', key, '-out', certificate, '-days', '2', '-nodes']
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  try {
    execFileSync('openssl', [...kind, ...files, ...subject], { stdio: 'ignore' })
    chmodSync(key, 0o600)
    return true
  } catch {
    return false
  }
}

describe.skipIf(!made)('a server with TLS', () => {
  const postgres = testPostgres({
    fsync: 'off',
    ssl: 'on',
    ssl_cert_file: certificate,
    ssl_key_file: key,
  })

  function mintThrough(world: World, host: string, trusted: boolean) {
    const admin = { user: world.admin.user, password: 'env:ADMIN' }
    const { port } = postgres
    const ca = trusted ? { ca: 'file:ca' } : {}
    const target = postgresTarget.parse({ host, port, database: world.database, admin, ...ca })
    const resolve = async (reference: string) =>
      new Secret(reference === 'file:ca' ? readFileSync(certificate, 'utf8') : world.admin.password)
    return postgresMint(target, { resolve })
  }

  it('is used when its certificate is trusted and names the host', async () => {
    const world = await createWorld(postgres)
    await world.delegate(ACCESS)
    const mint = mintThrough(world, 'localhost', true)
    const { credential } = await mintOn(mint, world.grant(ACCESS))
    expect(credential).toMatchObject({ host: 'localhost', sslmode: 'verify-full' })
    const { rows } = await world.root.query(
      `SELECT bool_and(s.ssl) AS encrypted FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.usename = $1`,
      [world.admin.user],
    )
    expect(rows[0].encrypted).toBe(true)
    await mint.close()
  })

  it.for([
    ['is signed by nobody we trust', 'localhost', false],
    ['names another host', '127.0.0.1', true],
  ] as const)('is refused when its certificate %s', async ([, host, trusted]) => {
    const world = await createWorld(postgres)
    await world.delegate(ACCESS)
    const mint = mintThrough(world, host, trusted)
    await expect(mintOn(mint, world.grant(ACCESS))).rejects.toMatchObject({
      code: 'target_refused',
      message: expect.stringContaining('certificate is not accepted'),
    })
    await mint.close()
  })
})
