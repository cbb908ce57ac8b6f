import type { Connection } from '../../client/connection.ts'
import * as client from '../../client/grant.ts'
import type { JsonObject } from '../../client/json.ts'
import { send } from './request.ts'

export type { GrantedTarget, HeldGrant, LoweredClass } from '../../client/grant.ts'

// The client's calls, sent in the way that starts fastest.

export function connectionTo(broker: string): Connection {
  return { broker, send }
}

export async function requestGrant(
  broker: string,
  identity: string,
  task: client.TaskRequest,
  waiting?: client.Waiting,
): Promise<client.HeldGrant> {
  return await client.requestGrant(connectionTo(broker), () => identity, task, waiting)
}

export async function fetchCredential(
  broker: string,
  token: string,
  target: string,
): Promise<JsonObject> {
  return await client.fetchCredential(connectionTo(broker), token, target)
}

export async function endGrant(
  broker: string,
  token: string,
  id: string,
): Promise<readonly client.Revocation[]> {
  return await client.endGrant(connectionTo(broker), token, id)
}
