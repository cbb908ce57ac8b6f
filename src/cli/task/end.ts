import { JsonObject } from '../../client/json.ts'
import { CredctlError } from '../../errors.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import type { TaskEndOutput } from '../output/task.ts'
import { answer } from '../terminal.ts'
import { askHolder, findTask } from './found.ts'

/** `credctl task end ID`: ends a task that another process holds. */
export default async function end(cli: Cli, flags: OutputFlag, id: string): Promise<number> {
  const task = await findTask(cli.process.env, id)
  const { status, body } = await askHolder(task, 'DELETE')
  const said = JsonObject.parse(body, 'the answer')
  if (status !== 200) throw new CredctlError('revocation_incomplete', said.text('Message'))
  const value: TaskEndOutput = {
    grant: id,
    revocations: said
      .list('revocations')
      .map((each) => ({ target: each.text('target'), outcome: each.text('outcome') })),
  }
  answer(cli, flags, value, text)
  return EXIT.ok
}

function text({ grant, revocations }: TaskEndOutput): string {
  const lines = revocations.map(({ target, outcome }) => `  ${target}: ${outcome}\n`)
  return `ended ${grant}\n${lines.join('')}`
}
