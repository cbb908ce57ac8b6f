import { type Config, loadConfig } from '../../config.ts'
import { loadCatalog } from '../../scope/catalog.ts'
import { openSecrets } from '../../secrets.ts'
import type { Cli } from '../cli.ts'
import type { ConfigFlag, OutputFlag, ScopesFlag } from '../flags.ts'
import type { CheckResult } from '../output/doctor.ts'
import { problemsInEnvironments } from '../scope/lint-environments.ts'
import { checkIssuerKeys } from './issuers.ts'
import { checkLedgerDatabase } from './ledger.ts'
import { checkDatabases, databasesOf } from './postgres.ts'
import { fromDiagnostic, report } from './report.ts'
import { checkSecrets } from './secrets.ts'
import { checkVault } from './vault.ts'

type Flags = ScopesFlag & ConfigFlag & OutputFlag

/** `credctl doctor`: everything that `serve` will need, looked at now. Changes nothing. */
export default async function doctor(cli: Cli, flags: Flags): Promise<number> {
  const loaded = await loadConfig(flags.config)
  if (!loaded.ok) {
    const diagnostics = loaded.diagnostics.map((each) => fromDiagnostic('config', each))
    return report(cli, flags, diagnostics)
  }
  const { config } = loaded
  const valid: CheckResult = {
    check: 'config',
    subject: flags.config,
    status: 'ok',
    message: `${config.environments.size} environments, ${Object.keys(config.issuers).length} issuers`,
  }
  return report(cli, flags, [valid, ...(await checkAll(cli, flags, config))])
}

async function checkAll(cli: Cli, { scopes }: Flags, config: Config): Promise<CheckResult[]> {
  const opened = openSecrets(config, cli.process.env)
  const { resolve } = opened
  const loaded = await loadCatalog(scopes)
  const catalog = loaded.ok ? loaded.catalog : loaded.partial
  const problems = [
    ...(loaded.ok ? [] : loaded.diagnostics),
    ...problemsInEnvironments([...catalog.scopes.values()], config),
  ]
  const message = `${catalog.scopes.size} scopes`
  const valid: CheckResult = { check: 'scopes', subject: scopes, status: 'ok', message }
  const [secrets, vault, ledger, issuers, databases] = await Promise.all([
    checkSecrets(config, resolve),
    checkVault(opened.vault),
    checkLedgerDatabase(config, resolve),
    checkIssuerKeys(config, resolve),
    checkDatabases(databasesOf(config), { config, catalog, resolve }),
  ])
  await opened.close()
  return [
    ...(problems.length === 0 ? [valid] : problems.map((each) => fromDiagnostic('scopes', each))),
    ...secrets,
    ...vault,
    ledger,
    ...issuers,
    ...databases,
  ]
}
