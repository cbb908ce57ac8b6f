import { type CallToolResult, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { plan, scopes } from '../../client/client.ts'
import type { Connection } from '../../client/connection.ts'
import type { Identity, LoweredClass } from '../../client/grant.ts'
import { Refusal } from '../../client/refusal.ts'
import { isCredctlError } from '../../errors.ts'
import type { Tasks } from './tasks.ts'

export interface ToolParts {
  readonly version: string
  readonly connection: Connection
  readonly identity: Identity
  /** What the agent is treated as. */
  readonly callerClass: LoweredClass
  readonly tasks: Tasks
}

const INSTRUCTIONS = `credctl gives credentials for declared tasks. Find a scope with list_scopes, see
what it would give with plan, start the task with request, and run every command that needs the
credentials as the tool's answer says: credctl exec --grant TASK -- COMMAND. No tool returns a
credential. End the task with end when its work is done.`

const taskInput = z.object({
  scope: z.string().min(1).max(128).describe('Name of a task scope, from list_scopes'),
  environment: z.string().min(1).max(128).describe('One of the environments of the scope'),
  intent: z.string().min(1).max(2000).describe('What the task is for, in a sentence: it is logged'),
  parameters: z
    .record(z.string(), z.string())
    .optional()
    .describe('Values of the parameters that the scope declares'),
})

const handleInput = z.object({ task: z.string().min(1).max(128).describe('As request answered') })

/** The tools of an agent. What they return is for its context: handles and facts, never a secret. */
export function createServer(parts: ToolParts): McpServer {
  const { version, connection, identity, callerClass, tasks } = parts
  const server = new McpServer({ name: 'credctl', version }, { instructions: INSTRUCTIONS })
  const READ = { readOnlyHint: true, openWorldHint: false }
  server.registerTool(
    'list_scopes',
    { description: 'The task scopes this agent may see', annotations: READ, inputSchema: NOTHING },
    () => result(() => scopes(connection, identity)),
  )
  server.registerTool(
    'plan',
    {
      description: 'What a task would get, counted, and whether it would be granted',
      inputSchema: taskInput,
      annotations: READ,
    },
    (task) => result(async () => planView(await plan(connection, identity, lowered(task)))),
  )
  server.registerTool(
    'request',
    {
      description: 'Start a task: grants its credentials to commands under credctl exec --grant',
      inputSchema: taskInput,
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    },
    (task) => result(() => tasks.request(lowered(task))),
  )
  server.registerTool(
    'check',
    {
      description: 'Whether a task waits for an approval, is live or is over',
      inputSchema: handleInput,
      annotations: READ,
    },
    ({ task }) => result(() => tasks.check(task)),
  )
  server.registerTool(
    'end',
    {
      description: 'End a task and revoke its credentials',
      inputSchema: handleInput,
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
    },
    ({ task }) => result(() => tasks.end(task)),
  )
  return server

  function lowered({ parameters = {}, ...task }: z.output<typeof taskInput>) {
    return { ...task, parameters, callerClass }
  }
}

const NOTHING = z.object({})

/** The counts; statements and policies are for people to review, not for a context window. */
function planView({ decision, reasons, plan: planned }: Awaited<ReturnType<typeof plan>>) {
  const radius = planned === undefined ? {} : { blast_radius: planned.blastRadius }
  return { decision, reasons, ...radius }
}

async function result(run: () => Promise<object>): Promise<CallToolResult> {
  try {
    return { content: [{ type: 'text', text: JSON.stringify(await run()) }] }
  } catch (error) {
    return { isError: true, content: [{ type: 'text', text: JSON.stringify(failure(error)) }] }
  }
}

/** What is no error of ours says nothing: nobody knows what is in it. */
function failure(error: unknown) {
  if (!isCredctlError(error)) return { error: { code: 'internal', message: 'this is a defect' } }
  const { code, message, hint } = error
  const reasons = error instanceof Refusal && error.reasons.length > 0 ? error.reasons : undefined
  return {
    error: {
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(reasons === undefined ? {} : { reasons }),
    },
  }
}
