import { Narration } from './print.ts'
import { walk } from './steps.ts'
import { createWorld, type World } from './world.ts'

/**
 * The main job on real parts. `--once` ends after the walk: exit 0 if and only if every step did
 * what it should. Otherwise everything stays up for a reader to try.
 */
const once = process.argv.includes('--once')
const FRESH_TOKENS_MS = 30 * 60_000

const tell = new Narration()
tell.title('credctl: a broker, two databases, an agent and a CI job')
tell.say('Starting a PostgreSQL with two databases, three identity providers and the broker …')

const world = await createWorld('task-scopes')
process.once('SIGINT', () => void leave(world, 130))
process.once('SIGTERM', () => void leave(world, 143))
try {
  await walk(world, tell)
  tell.title(verdict(tell))
  if (once) await leave(world, tell.surprises === 0 ? 0 : 1)
  else await stay(world)
} catch (error) {
  console.error(error)
  await leave(world, 1)
}

function verdict({ surprises }: Narration): string {
  if (surprises === 0) return 'Every step did what it should.'
  return `${surprises} step${surprises === 1 ? '' : 's'} did not do what they should.`
}

async function leave(running: World, code: number): Promise<void> {
  await running.close()
  process.exit(code)
}

async function stay(running: World): Promise<void> {
  await running.writeTokens()
  setInterval(() => void running.writeTokens(), FRESH_TOKENS_MS)
  const { url } = running
  console.log(`
The broker stays up at ${url} until Ctrl-C. In another terminal, in this directory:

  export CREDCTL_BROKER=${url}

  CREDCTL_IDENTITY_TOKEN_FILE=.credctl/tour/agent.jwt npx credctl exec \\
    --scope backfill-order-totals --env staging --param ticket=ORD-481 \\
    -- node examples/tour/query.ts 'SELECT id, currency, amount, total FROM orders LIMIT 5'

  CREDCTL_IDENTITY_TOKEN_FILE=.credctl/tour/operator.jwt npx credctl grant list

  npx credctl log verify --key .credctl/tour/log.vkey
`)
}
