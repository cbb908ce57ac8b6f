import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Narration } from './print.ts'
import { attempt, connect, reasonsOf } from './steps.ts'
import type { World } from './world.ts'

const PURGE = {
  scope: 'purge-test-orders',
  environment: 'staging',
  intent: 'delete the orders that the load test of Tuesday left behind',
  parameters: {},
}

/** What destroys waits for a person; without one it never happens. */
export async function personApproves(world: World, tell: Narration): Promise<void> {
  tell.step('The agent wants to delete orders; a person has to agree first')
  const asked = await world.client.requestGrant(world.tokens.agent, PURGE)
  const waits = 'token' in asked ? undefined : asked.waits
  tell.refused('POST /token, scope purge-test-orders', reasonsOf(asked), waits !== undefined)
  if (waits === undefined) return
  const again = await world.client.requestGrant(world.tokens.agent, PURGE)
  const still = !('token' in again) && again.waits?.id === waits.id
  tell.refused('the same again', `it waits as ${waits.code}, nobody approved it`, still)

  const own = await approveWith(world, 'agent', waits.id)
  tell.refused('credctl approval approve, by the agent itself', own.text, own.status !== 0)
  const person = await approveWith(world, 'approver', waits.id)
  const command = `credctl approval approve ${waits.id} --reason …`
  tell.works(`${command}, by a person`, person.text, person.status === 0)

  const grant = await world.client.requestGrant(world.tokens.agent, PURGE)
  tell.works('POST /token', 'token' in grant ? grant.reach : reasonsOf(grant), 'token' in grant)
  if (!('token' in grant)) return
  const client = await connect(await world.client.postgresCredential(grant, 'orders-db'))
  await attempt(client, tell, {
    sql: 'DELETE FROM orders WHERE id > 390',
    expect: 'allowed',
    show: (_rows, count) => `${count} rows deleted`,
  })
  await attempt(client, tell, { sql: 'TRUNCATE orders', expect: 'refused' })
  await client.end()
  const ended = await world.client.endGrant(grant)
  tell.works(`DELETE /v1/grants/${grant.id}`, ended.text, ended.ok)
}

const BIN = join(import.meta.dirname, '../../bin/credctl.js')

/** The command that a person types, with the token of whoever is meant. */
async function approveWith(world: World, who: 'agent' | 'approver', id: string) {
  await world.writeTokens()
  const env = {
    ...process.env,
    CREDCTL_BROKER: world.url,
    CREDCTL_IDENTITY_TOKEN_FILE: join(world.directory, `${who}.jwt`),
  }
  const argv = [BIN, 'approval', 'approve', id, '--reason', 'Seen with the team.']
  const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [said, complained] = await Promise.all([textOf(child.stdout), textOf(child.stderr)])
  const status = child.exitCode ?? (await new Promise<number>((done) => child.once('close', done)))
  const lines = (status === 0 ? said : complained).trim().split('\n')
  return { status, text: lines.find((line) => line !== '') ?? '' }
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
