import { join } from 'node:path'
import { JsonObject } from '../../client/json.ts'
import type { Answer, Request } from '../../client/send.ts'
import { CredctlError, isCredctlError } from '../../errors.ts'
import { send } from '../broker/request.ts'
import { readPrivateFile } from '../private-file.ts'
import { DESCRIPTION, TASK_PATH, taskDirectories } from './place.ts'

/** A task that another process holds for programs of this user. */
export interface FoundTask {
  readonly id: string
  readonly expiresAt: Date
  /** Variables for a program that is to use it. */
  readonly environment: Readonly<Record<string, string>>
}

/** Errors: `grant_not_found`, `grant_ended`. */
export async function findTask(env: NodeJS.ProcessEnv, id: string): Promise<FoundTask> {
  if (!/^[0-9A-HJKMNP-TV-Z]{26}$/.test(id)) throw notFound(id)
  for (const directory of taskDirectories(env)) {
    const text = await readPrivateFile(join(directory, id, DESCRIPTION))
    if (text !== undefined) return await live(parse(id, text))
  }
  throw notFound(id)
}

/** Asks the process that holds a task. Error: `unavailable` when it is gone. */
export async function askHolder(
  { environment }: FoundTask,
  method: Request['method'],
): Promise<Answer> {
  const { CREDCTL_ENDPOINT: endpoint, CREDCTL_ENDPOINT_TOKEN_FILE: file = '' } = environment
  const authorization = (await readPrivateFile(file)) ?? ''
  const url = new URL(`${endpoint}${TASK_PATH}`)
  return await send({ method, url, headers: { authorization } })
}

function parse(id: string, text: string): FoundTask {
  const task = JsonObject.parse(text, 'the description of the task')
  const variables = task.object('environment')
  const names = Object.keys(variables.raw())
  const environment = Object.fromEntries(names.map((name) => [name, variables.text(name)]))
  return { id, expiresAt: task.time('expires_at'), environment }
}

/** Files outlive a machine that lost power; the process that serves them does not. */
async function live(task: FoundTask): Promise<FoundTask> {
  const isExpired = task.expiresAt.getTime() <= Date.now()
  if (!isExpired && (await isServed(task))) return task
  throw new CredctlError('grant_ended', `task ${task.id} is over`, {
    hint: 'Start another one.',
  })
}

async function isServed(task: FoundTask): Promise<boolean> {
  try {
    const { status, body } = await askHolder(task, 'GET')
    return status === 200 && JsonObject.parse(body, 'the answer').text('id') === task.id
  } catch (error) {
    if (isCredctlError(error, 'unavailable')) return false
    throw error
  }
}

function notFound(id: string): CredctlError {
  return new CredctlError('grant_not_found', `no task ${JSON.stringify(id)} is held here`, {
    hint: 'It may be over, or be held for another user.',
  })
}
