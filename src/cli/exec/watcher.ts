import { rm } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { JsonObject } from '../../client/json.ts'
import { endGrant } from '../broker/grant.ts'

/**
 * A process of its own that outlives `credctl exec`: when the pipe from it ends without the word
 * that all is done, exec was killed, and this ends the grant and removes the files instead. The
 * pipe is the only way in: nothing secret is an argument or a variable.
 */
const TRIES_MS = [0, 1_000, 5_000, 20_000]

let text = ''
for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk
const messages = text.split('\n').filter((line) => line !== '')
if (!messages.includes('"done"')) await cleanUp(messages.map(parseMessage))

function parseMessage(line: string): JsonObject {
  return JsonObject.parse(line, 'a message of exec')
}

async function cleanUp([held, place]: readonly JsonObject[]): Promise<void> {
  if (place !== undefined) await rm(place.text('directory'), { recursive: true, force: true })
  if (held === undefined) return
  for (const pause of TRIES_MS) {
    await setTimeout(pause)
    const ended = await endGrant(held.text('broker'), held.text('token'), held.text('id')).then(
      () => true,
      () => false,
    )
    if (ended) return
  }
}
