import type { Narration } from './print.ts'
import type { World } from './world.ts'

export async function inspectLog(world: World, tell: Narration): Promise<void> {
  const text = await (await fetch(`${world.url}/log/checkpoint`)).text()
  tell.works('GET /log/checkpoint', text, true)
}
