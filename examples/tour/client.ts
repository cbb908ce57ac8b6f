import { z } from 'zod'
import { postgresCredential } from '../../src/contract/credentials.ts'
import {
  endAnswer,
  GRANT_TYPES,
  TASK_DETAILS_TYPE,
  TOKEN_TYPES,
  tokenAnswer,
  tokenError,
} from '../../src/contract.ts'
import type { PostgresCredential } from '../../src/mint/mint.ts'

export interface Task {
  readonly scope: string
  readonly environment: string
  readonly intent: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface Grant {
  readonly id: string
  readonly token: string
  readonly expiresIn: number
  /** The blast radius in words. */
  readonly reach: string
}

export interface Refusal {
  /** Under which the refusal stands in the log; absent when it was refused before a decision. */
  readonly id: string | undefined
  readonly reasons: readonly string[]
  /** The request that people have to approve first, with the letters that they see as well. */
  readonly waits?: { readonly id: string; readonly code: string }
}

export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** What an agent runtime does, with nothing but `fetch`. */
export interface Client {
  requestGrant(token: string, task: Task): Promise<Grant | Refusal>
  fetchCredential(grant: Grant, target: string): Promise<Answer>
  postgresCredential(grant: Grant, target: string): Promise<PostgresCredential>
  endGrant(grant: Grant): Promise<{ readonly ok: boolean; readonly text: string }>
}

export function createClient(url: string): Client {
  const get = async ({ token }: Grant, target: string): Promise<Answer> => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${url}/v1/credentials/${target}`, { headers })
    const body = z.record(z.string(), z.unknown()).parse(await response.json())
    return { status: response.status, body }
  }
  return {
    requestGrant: async (token, task) => grantOf(await exchange(url, token, task)),
    fetchCredential: get,
    postgresCredential: async (grant, target) => {
      const { status, body } = await get(grant, target)
      if (status === 200) return postgresCredential.parse(body)
      throw new Error(`no credential for ${target}: ${status} ${String(body['code'])}`)
    },
    endGrant: async ({ id, token }) => {
      const headers = { authorization: `Bearer ${token}` }
      const response = await fetch(`${url}/v1/grants/${id}`, { method: 'DELETE', headers })
      if (!response.ok) return { ok: false, text: await response.text() }
      const { revocations } = endAnswer.parse(await response.json())
      return { ok: true, text: revocations.map(describeRevocation).join('\n') }
    },
  }
}

/** RFC 8693 token exchange with the task as RFC 9396 authorization details. */
async function exchange(url: string, token: string, task: Task): Promise<unknown> {
  const response = await fetch(`${url}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: GRANT_TYPES.exchange,
      subject_token: token,
      subject_token_type: TOKEN_TYPES.jwt,
      authorization_details: JSON.stringify([{ type: TASK_DETAILS_TYPE, ...task }]),
    }),
  })
  return await response.json()
}

function grantOf(body: unknown): Grant | Refusal {
  const refused = tokenError.safeParse(body)
  if (refused.success) {
    const { grant: id, reasons = [], error_description: description = 'refused' } = refused.data
    const { approval } = refused.data
    const texts = reasons.map(({ message }) => message)
    return {
      id,
      reasons: texts.length > 0 ? texts : [description],
      ...(approval === undefined
        ? {}
        : { waits: { id: approval.id, code: approval.binding_code } }),
    }
  }
  const answer = tokenAnswer.parse(body)
  const [details] = answer.authorization_details
  if (details === undefined) throw new Error('an answer without details')
  const { tables, tablesBy, resources } = details.blast_radius
  const { insert = 0, update = 0, delete: deleted = 0 } = tablesBy
  const aws = resources.named + resources.wildcard
  return {
    id: details.grant,
    token: answer.access_token,
    expiresIn: answer.expires_in,
    reach: `${tables} tables (rows of ${insert + update + deleted} can change), ${aws} AWS resources`,
  }
}

function describeRevocation(each: z.infer<typeof endAnswer>['revocations'][number]): string {
  if (each.outcome === 'gone') return `${each.target}: sessions ended, login dropped`
  if (each.outcome === 'pending') return `${each.target}: not finished (${each.code})`
  return `${each.target}: cannot be fetched again; what was fetched ends at ${each.expires_at}`
}
