import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { awsEndpoint } from '../src/cli/exec/aws-endpoint.ts'
import { listenLocally } from '../src/cli/exec/loopback.ts'
import { JsonObject } from '../src/client/json.ts'
import { testBroker } from '../test/support/broker.ts'
import { startTestPostgres } from '../test/support/postgres.ts'
import { unlimitedScopes } from '../test/support/unlimited.ts'
import { against, measure, type Row } from './row.ts'

const BIN = join(import.meta.dirname, '../bin/credctl.js')
const TASK = ['--scope', 'backfill-order-totals', '--env', 'staging', '--param', 'ticket=ORD-1']
const AWS = ['aws-credentials', '--target', 'exports']
const NOBODY = ['--scope', 's', '--env', 'e', '--broker', 'http://127.0.0.1:9']

/** How long a person waits for a command line, beside a Node.js that does nothing. */
export async function bench(): Promise<readonly Row[]> {
  const { postgres, close } = await startTestPostgres()
  const home = await mkdtemp(join(tmpdir(), 'credctl-bench-cli-'))
  const scopes = await unlimitedScopes()
  const broker = await testBroker(postgres, { scopes })
  try {
    const file = join(home, 'identity')
    await writeFile(file, await broker.issuers.agent({ sub: 'bench', team: 'orders' }))
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      CREDCTL_BROKER: broker.url,
      CREDCTL_IDENTITY_TOKEN_FILE: file,
    }
    const node = await measure('node -e 0', { count: 40 }, () => run(['-e', '0'], env))
    const credctl = async (name: string, count: number, ...argv: string[]) =>
      against(await measure(name, { count }, () => run([BIN, ...argv], env)), node)
    return [
      node,
      await credctl('credctl --help', 40, '--help'),
      await credctl('credctl exec -- true, nobody answering', 40, 'exec', ...NOBODY, '--', 'true'),
      await credctl('credctl exec -- true: grant, login, end', 30, 'exec', ...TASK, '--', 'true'),
      await credctl('credctl aws-credentials: nobody answering', 40, ...AWS, ...NOBODY),
      against(
        await measure('credctl aws-credentials: new grant, session', { count: 15 }, (index) =>
          run([BIN, ...AWS, ...TASK, '--intent', `bench ${index}`], env),
        ),
        node,
      ),
      await credctl('credctl aws-credentials: kept', 60, ...AWS, ...TASK),
      await loopback(),
      await credctl('credctl scope lint, 4 scopes', 20, 'scope', 'lint'),
      await credctl('credctl scope lint, 1,000 scopes', 6, 'scope', 'lint', await manyScopes(home)),
    ]
  } finally {
    await broker.close()
    await close()
    for (const each of [home, scopes]) await rm(each, { recursive: true, force: true })
  }
}

/** What SDKs wait for when they refresh under `credctl exec`. */
async function loopback(): Promise<Row> {
  const credential = {
    AccessKeyId: 'ASIAEXAMPLE',
    SecretAccessKey: 'x'.repeat(40),
    Token: 'x'.repeat(800),
    Expiration: new Date(Date.now() + 900_000).toISOString(),
  }
  const answer = async () => new JsonObject(credential, 'the credential')
  const endpoint = await listenLocally(awsEndpoint(['exports'], answer, () => undefined))
  const url = `${endpoint.url}/v1/credentials/exports`
  const headers = { authorization: endpoint.authorization }
  const row = await measure('endpoint of credctl exec, kept credential', { count: 2000 }, () =>
    fetch(url, { headers }).then((response) => response.json()),
  )
  endpoint.close()
  return row
}

/** As many scopes as a large organisation has, each like the first example. */
async function manyScopes(home: string): Promise<string> {
  const directory = join(home, 'task-scopes')
  const example = await readFile('task-scopes/backfill-order-totals.yaml', 'utf8')
  await mkdir(directory)
  for (let index = 0; index < 1000; index += 1) {
    const name = `backfill-${index}`
    const text = example.replace('name: backfill-order-totals', `name: ${name}`)
    await writeFile(join(directory, `${name}.yaml`), text)
  }
  return directory
}

/** Runs Node.js with these arguments; its output is not looked at. */
async function run(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(process.execPath, argv, { env, stdio: 'ignore' })
  await new Promise((resolve, reject) => child.once('exit', resolve).once('error', reject))
}
