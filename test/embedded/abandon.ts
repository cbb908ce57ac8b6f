// Run as a process of its own: starts a server, then waits to be killed.
import pg from 'pg'
import { startEmbedded } from '../../src/embedded/embedded.ts'

const [directory = ''] = process.argv.slice(2)
const server = await startEmbedded({ directory, initdb: ['--wal-segsize=1', '--no-sync'] })
const client = new pg.Client({
  host: server.host,
  port: server.port,
  user: server.superuser.user,
  password: server.superuser.password.reveal(),
  database: 'postgres',
})
await client.connect()
await client.query('CREATE TABLE kept AS SELECT 42 AS answer')
process.send?.({ pid: server.pid })
