import { requireConfig } from '../../config.ts'
import { createSigner } from '../../ledger/note.ts'
import { signingKeys } from '../../ledger/open.ts'
import { parsePrivateKey } from '../../secret/private-key.ts'
import { openSecrets } from '../../secrets.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { ConfigFlag, OutputFlag } from '../flags.ts'
import { answer } from '../terminal.ts'

/** `credctl log key`: what everybody who verifies the log needs, and may know. */
export default async function key(cli: Cli, flags: ConfigFlag & OutputFlag): Promise<number> {
  const config = await requireConfig(flags.config)
  const secrets = openSecrets(config, cli.process.env)
  const { log } = await signingKeys(config, secrets.resolve).finally(secrets.close)
  const { vkey } = createSigner(config.origin, parsePrivateKey(log, 'the key of the log'))
  answer(cli, flags, { origin: config.origin, key: vkey }, (value) => `${value.key}\n`)
  return EXIT.ok
}
