import { S3Client } from '@aws-sdk/client-s3'
import pg from 'pg'
// In a project of your own: from 'credctl/client'.
import { type Client, Refusal } from '../../../src/client/client.ts'

/** What a model may call. Frameworks (LangGraph's `tool`, others) wrap exactly this. */
export interface Tool {
  readonly name: string
  readonly description: string
  run(input: Readonly<Record<string, string>>): Promise<string>
}

export interface Step {
  readonly tool: string
  readonly input: Readonly<Record<string, string>>
}

/** A model: looks at what has been said, and gives the next step or nothing more. */
export type Model = (
  transcript: readonly string[],
  tools: readonly Tool[],
) => Promise<Step | undefined>

/**
 * An agent that works under a task of its own. The tools hold the credentials and the model sees what
 * they answer, so that no secret can get into its context. When the work is done, or fails, the task
 * ends and every login with it.
 */
export async function runAgent(client: Client, model: Model, ticket: string): Promise<string[]> {
  await using task = await client.start(
    {
      scope: 'backfill-order-totals',
      environment: 'staging',
      intent: `work on ${ticket}`,
      parameters: { ticket },
      callerClass: 'agent',
    },
    { onPending: ({ bindingCode }) => console.error(`waiting for approval ${bindingCode}`) },
  )
  const pool = new pg.Pool({ ...(await task.postgres('orders-db')), max: 2 })
  const region = task.targets.find(({ name }) => name === 'exports')?.region ?? 'eu-central-1'
  const s3 = new S3Client({ region, credentials: task.aws('exports') })
  // The login ends before its pool does when somebody ends the task.
  pool.on('error', () => undefined)
  try {
    return await converse(model, [queryTool(pool), bucketTool(s3)])
  } finally {
    await pool.end()
    s3.destroy()
  }
}

async function converse(model: Model, tools: readonly Tool[]): Promise<string[]> {
  const transcript: string[] = []
  for (;;) {
    const step = await model(transcript, tools)
    if (step === undefined) return transcript
    const tool = tools.find(({ name }) => name === step.tool)
    transcript.push(tool === undefined ? 'there is no such tool' : await said(tool, step))
  }
}

/** A refusal is an answer: the model reads the reasons and does something else. */
async function said(tool: Tool, { input }: Step): Promise<string> {
  try {
    return await tool.run(input)
  } catch (error) {
    if (error instanceof Refusal) return error.reasons.map(({ message }) => message).join('; ')
    return error instanceof Error ? error.message : 'the tool failed'
  }
}

function queryTool(pool: pg.Pool): Tool {
  return {
    name: 'query',
    description: 'Run one SQL statement on the orders database',
    async run({ sql = '' }) {
      const { rows, rowCount } = await pool.query(sql)
      return JSON.stringify({ rowCount, rows: rows.slice(0, 20) })
    },
  }
}

function bucketTool(s3: S3Client): Tool {
  return {
    name: 'aws_identity',
    description: 'Which AWS access key the exports are written with',
    async run() {
      const { accessKeyId } = await s3.config.credentials()
      return accessKeyId
    },
  }
}
