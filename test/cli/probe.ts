// Runs as the command of `credctl exec` and prints what it can see and do.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { STSClient } from '@aws-sdk/client-sts'
import pg from 'pg'

const PROBES: Readonly<Record<string, () => Promise<object>>> = {
  postgres: async () => {
    const client = new pg.Client()
    await client.connect()
    const outcome = async (sql: string) =>
      await client.query(sql).then(
        () => 'ok',
        (error: Error) => error.message,
      )
    const answer = {
      select: await outcome('SELECT * FROM orders LIMIT 1'),
      update: await outcome('UPDATE orders SET total = total WHERE false'),
      delete: await outcome('DELETE FROM orders'),
      users: await outcome('SELECT * FROM users'),
    }
    await client.end()
    return answer
  },
  aws: async () => await awsCredential(new STSClient({})),
  'aws-profile': async () => await awsCredential(new STSClient({ profile: 'exports' })),
  environment: async () => {
    const directory = dirname(process.env['PGPASSFILE'] ?? '')
    const names = ['.', ...readdirSync(directory)]
    const mode = (name: string) => (statSync(join(directory, name)).mode & 0o777).toString(8)
    const commandLine = readFileSync(`/proc/${process.ppid}/cmdline`, 'utf8')
    const modes = Object.fromEntries(names.map((name) => [name, mode(name)]))
    return { env: process.env, modes, commandLine }
  },
}

async function awsCredential(client: STSClient): Promise<object> {
  const { accessKeyId, expiration } = await client.config.credentials()
  const region = await client.config.region()
  return { region, accessKeyId, expires: (expiration?.getTime() ?? 0) > Date.now() }
}

console.log(JSON.stringify(await PROBES[process.argv[2] ?? '']?.()))
