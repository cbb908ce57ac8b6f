import { createHash, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import { encode, int32, type MessageStream, problem, readString, strings } from './wire.ts'

/** What the one client of a dry run knows. */
export interface Door {
  readonly user: string
  readonly database: string
  readonly password: string
}

/** Of somebody who has shown no password, nothing larger is kept. */
const STRANGER_BYTES = 10_000
const PROTOCOL_3 = 196_608
const SSL_REQUEST = 80_877_103
const GSS_REQUEST = 80_877_104

/**
 * Lets a client in by the password of this dry run: other people of this machine reach the port
 * too. The settings it starts with; undefined when it was turned away or left.
 */
export async function admit(
  socket: Socket,
  client: MessageStream,
  door: Door,
): Promise<ReadonlyMap<string, string> | undefined> {
  const settings = await startup(socket, client)
  if (settings === undefined) return undefined
  await client.write(encode({ type: 'R', body: int32(3) }))
  const answer = await client.next(STRANGER_BYTES)
  if (answer?.type !== 'p') return undefined
  const given = readString(answer.body).text
  if (!same(given, door.password) || settings.get('user') !== door.user) {
    await client.write(problem('28P01', 'password authentication failed', 'FATAL'))
    return undefined
  }
  if ((settings.get('database') ?? door.user) !== door.database) {
    await client.write(problem('3D000', `this dry run is of database ${door.database}`, 'FATAL'))
    return undefined
  }
  return settings
}

export async function greet(
  client: MessageStream,
  parameters: readonly (readonly [string, string])[],
): Promise<void> {
  const statuses = parameters.map((pair) => encode({ type: 'S', body: strings(...pair) }))
  await client.write(encode({ type: 'R', body: int32(0) }), ...statuses)
}

/** Never encrypted: it does not leave the machine. A request to cancel is not passed on. */
async function startup(
  socket: Socket,
  client: MessageStream,
): Promise<ReadonlyMap<string, string> | undefined> {
  for (;;) {
    const body = await client.nextUntyped(STRANGER_BYTES)
    if (body === undefined || body.length < 4) return undefined
    const code = body.readInt32BE(0)
    if (code === PROTOCOL_3) return pairs(body.subarray(4))
    if (code !== SSL_REQUEST && code !== GSS_REQUEST) return undefined
    socket.write('N')
  }
}

function pairs(body: Buffer): ReadonlyMap<string, string> {
  const result = new Map<string, string>()
  let at = 0
  while (at < body.length && body[at] !== 0) {
    const name = readString(body, at)
    const value = readString(body, name.next)
    result.set(name.text, value.text)
    at = value.next
  }
  return result
}

function same(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
