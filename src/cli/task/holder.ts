import type { HeldGrant } from '../../client/grant.ts'
import { JsonObject } from '../../client/json.ts'
import { HeldTask } from './hold.ts'
import { READY } from './holder-process.ts'

/**
 * A process of its own that holds a task after `credctl task start` has ended: until the task is
 * ended or expires, or somebody asks this process to stop.
 */
try {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk
  const message = JsonObject.parse(text, 'the message of task start')
  const grant = grantOf(message)
  // Nobody reads what this process has to say: whoever uses the task hears it from the endpoint.
  const task = await HeldTask.hold(process.env, message.text('broker'), grant, () => undefined)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    // What cannot be ended now is left to the watcher, which tries for longer.
    process.on(signal, () => void task.end().catch(() => process.exit(1)))
  }
  process.stdout.write(`${READY}\n`)
  await task.over
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function grantOf(message: JsonObject): HeldGrant {
  return {
    id: message.text('id'),
    token: message.text('token'),
    expiresAt: message.time('expires_at'),
    targets: message.list('targets').map((target) => ({
      name: target.text('name'),
      kind: target.text('kind'),
      region: target.optionalText('region'),
      guarantees: target.texts('guarantees'),
    })),
    blastRadius: new JsonObject({}, 'the blast radius'),
  }
}
