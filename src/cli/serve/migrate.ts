import { type Config, requireConfig } from '../../config.ts'
import { CredctlError } from '../../errors.ts'
import { migrateLedger } from '../../ledger/open.ts'
import { openSecrets } from '../../secrets.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { ConfigFlag, OutputFlag } from '../flags.ts'
import type { MigrateOutput } from '../output/serve.ts'
import { answer } from '../terminal.ts'

/** `credctl migrate` */
export default async function migrate(cli: Cli, flags: ConfigFlag & OutputFlag): Promise<number> {
  const config = await requireConfig(flags.config)
  const { ledger } = config
  const value: MigrateOutput =
    ledger === undefined
      ? { ledger: 'embedded', steps: 0 }
      : { ledger: 'external', steps: await migrateExternal(cli, config, ledger) }
  answer(cli, flags, value, text)
  return EXIT.ok
}

type Ledger = Parameters<typeof migrateLedger>[0]

async function migrateExternal(
  { process: { env } }: Cli,
  config: Config,
  ledger: Ledger,
): Promise<number> {
  const secrets = openSecrets(config, env)
  try {
    return await migrateLedger(ledger, secrets.resolve)
  } catch (cause) {
    if (cause instanceof CredctlError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    const where = `${ledger.host}:${ledger.port}/${ledger.database}`
    const message = `the ledger's database ${where} cannot be migrated: ${why}`
    throw new CredctlError('ledger_unavailable', message, { cause })
  } finally {
    await secrets.close()
  }
}

function text({ ledger, steps }: MigrateOutput): string {
  if (ledger === 'embedded') {
    return 'nothing to migrate: without a ledger in the configuration, every start migrates its own\n'
  }
  return steps === 0
    ? 'the ledger is up to date\n'
    : `the ledger is up to date after ${steps} ${steps === 1 ? 'step' : 'steps'}\n`
}
