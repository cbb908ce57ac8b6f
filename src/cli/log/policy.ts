import { requireConfig } from '../../config.ts'
import { createSigner, parseVkey } from '../../ledger/note.ts'
import { signingKeys } from '../../ledger/open.ts'
import { formatPolicy } from '../../ledger/policy.ts'
import { policyOf } from '../../publish/configured.ts'
import { parsePrivateKey } from '../../secret/private-key.ts'
import { openSecrets } from '../../secrets.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { ConfigFlag, OutputFlag } from '../flags.ts'
import { answer } from '../terminal.ts'

/** `credctl log policy`: the log and its witnesses as C2SP tlog-policy, for readers to start from. */
export default async function policy(cli: Cli, flags: ConfigFlag & OutputFlag): Promise<number> {
  const config = await requireConfig(flags.config)
  const secrets = openSecrets(config, cli.process.env)
  const { log } = await signingKeys(config, secrets.resolve).finally(secrets.close)
  const { vkey } = createSigner(config.origin, parsePrivateKey(log, 'the key of the log'))
  const { former_log: former = [], next_log: next } = config.keys ?? {}
  const logs = [vkey, ...former, ...(next === undefined ? [] : [next])].map(parseVkey)
  const none = { logs, witnesses: new Map(), groups: new Map(), quorum: 'none' }
  const section = config.witnesses
  const known = section === undefined ? none : { ...policyOf(section), logs }
  const urls = new Map(Object.values(section?.known ?? {}).map(({ key, url }) => [key, url]))
  const url = (key: string) => (key === vkey ? `${config.url}/log` : urls.get(key))
  const text = formatPolicy(known, url)
  answer(cli, flags, { policy: text }, (value) => value.policy)
  return EXIT.ok
}
