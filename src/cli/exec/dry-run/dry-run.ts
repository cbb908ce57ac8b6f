import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { PostgresCredential } from '../../../client/postgres.ts'
import { added, type Changes, NOTHING } from './changes.ts'
import { admit, type Door, greet } from './handshake.ts'
import { DryRunSession } from './session.ts'
import { loadGrammar } from './statements.ts'
import { openUpstream } from './upstream.ts'
import { MessageStream, problem } from './wire.ts'

/** A database in which nothing stays: what clients commit there is rolled back when they leave. */
export interface DryRun {
  /** What the command gets instead of the real credential. */
  readonly credential: PostgresCredential
  /** Rows that its commits would have changed so far, by table. */
  readonly changes: () => Changes
  close(): Promise<void>
}

/**
 * Listens on loopback and stands between the command and the database. Locks that the command
 * takes are real and held until it disconnects; sequences that it advances stay advanced. It keeps
 * an honest program from changing anything: what must be kept out gets no credential at all.
 */
export async function startDryRun(credential: PostgresCredential): Promise<DryRun> {
  await loadGrammar()
  const { user, database } = credential
  const door: Door = { user, database, password: randomBytes(24).toString('hex') }
  const sockets = new Set<Socket>()
  const sessions = new Set<DryRunSession>()
  let finished: Changes = NOTHING
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    const keep = (session: DryRunSession) => {
      sessions.add(session)
      return () => {
        sessions.delete(session)
        finished = added(finished, session.transaction.changes)
      }
    }
    void serve(socket, credential, door, keep).finally(() => {
      sockets.delete(socket)
      socket.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not a port')
  return {
    credential: atDoor(credential, door, address.port),
    changes: () =>
      [...sessions].map(({ transaction }) => transaction.changes).reduce(added, finished),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function atDoor(credential: PostgresCredential, door: Door, port: number): PostgresCredential {
  const { user, database, password } = door
  const uri = `postgresql://${encodeURIComponent(user)}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}?sslmode=disable`
  return { ...credential, host: '127.0.0.1', port, password, sslmode: 'disable', uri }
}

async function serve(
  socket: Socket,
  credential: PostgresCredential,
  door: Door,
  keep: (session: DryRunSession) => () => void,
): Promise<void> {
  const client = new MessageStream(socket)
  try {
    const settings = await admit(socket, client, door)
    if (settings === undefined) return
    const upstream = await openUpstream(credential, settings)
    const session = new DryRunSession(client, upstream)
    const leave = keep(session)
    try {
      await greet(client, upstream.parameters)
      await session.run()
    } finally {
      leave()
      await upstream.close()
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    if (!socket.destroyed) await client.write(problem('08006', why, 'FATAL'))
  }
}
