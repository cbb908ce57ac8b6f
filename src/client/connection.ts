import { JsonObject } from './json.ts'
import type { Possession } from './possession.ts'
import { refusalOf } from './refusal.ts'
import type { Answer, Request, Send } from './send.ts'

/** How to reach a broker, and the key that its grants are bound to, if any. */
export interface Connection {
  /** Its address, without a trailing slash. */
  readonly broker: string
  readonly send: Send
  readonly possession?: Possession
}

export interface Call {
  readonly method: Request['method']
  /** Below the address of the broker, with its leading slash. */
  readonly path: string
  /** Sent as `Authorization`; a grant token is accompanied by a proof where it is bound to a key. */
  readonly token?: { readonly kind: 'identity' | 'grant'; readonly value: string }
  readonly form?: Readonly<Record<string, string>>
  readonly json?: unknown
}

/** One call of a broker's API; gives the answer whatever its status. */
export async function call(connection: Connection, made: Call): Promise<Answer> {
  const request = requestOf(connection, made)
  const { possession } = connection
  if (possession === undefined || made.token?.kind === 'identity') {
    return await connection.send(request)
  }
  return await possession.send(connection.send, request, made.token?.value)
}

/** As `call`, giving the answer's object; throws the broker's refusal. */
export async function ask(connection: Connection, made: Call, what: string): Promise<JsonObject> {
  const answer = await call(connection, made)
  if (answer.status === 200) return JsonObject.parse(answer.body, what)
  throw refusalOf(answer, new URL(connection.broker))
}

function requestOf({ broker, possession }: Connection, { method, path, ...made }: Call): Request {
  const { token, form, json } = made
  const isBound = possession !== undefined && token?.kind === 'grant'
  const headers = {
    accept: 'application/json',
    ...(token === undefined
      ? {}
      : { authorization: `${isBound ? 'DPoP' : 'Bearer'} ${token.value}` }),
  }
  const url = new URL(`${broker}${path}`)
  if (form !== undefined) {
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams(form).toString()
    return { method, url, headers: { ...headers, ...type }, body }
  }
  if (json === undefined) return { method, url, headers }
  const type = { 'content-type': 'application/json' }
  return { method, url, headers: { ...headers, ...type }, body: JSON.stringify(json) }
}
