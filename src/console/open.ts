import type { Config } from '../config.ts'
import { type SessionStore, Sessions } from '../identity/session.ts'
import { parseVkey } from '../ledger/note.ts'
import type { OpenLedger } from '../ledger/open.ts'
import { derivedKey } from '../secret/derived-key.ts'
import type { ResolveSecret } from '../secret/resolve.ts'
import { createSeal } from '../secret/seal.ts'
import type { ConsoleParts } from './console.ts'

type Given = Omit<
  ConsoleParts,
  | 'url'
  | 'environments'
  | 'sessions'
  | 'signIn'
  | 'ledger'
  | 'log'
  | 'search'
  | 'logKeys'
  | 'witnessKeys'
  | 'remembered'
> & { readonly opened: OpenLedger; readonly resolve: ResolveSecret }

/** The console of a configuration that has a section for it. Connects to nothing. */
export function openConsole(config: Config, given: Given): ConsoleParts | undefined {
  const { opened, resolve, ...parts } = given
  const { url, environments, console: signIn, issuers } = config
  const issuer = signIn === undefined ? undefined : issuers[signIn.issuer]
  if (signIn === undefined || issuer === undefined) return undefined
  const { ledger, keys, logKeys, remembered } = opened
  const { clock, random } = parts
  const seal = (purpose: string) => createSeal(derivedKey(keys.token.reveal(), purpose), random)
  const store: SessionStore = ledger.sessions
  const { client_secret: secret } = signIn
  return {
    ...parts,
    url,
    environments,
    ledger,
    log: ledger.log,
    search: ledger.search,
    logKeys,
    witnessKeys: Object.values(config.witnesses?.known ?? {}).map(({ key }) => parseVkey(key)),
    remembered,
    sessions: new Sessions({ store, seal: seal('credctl console session'), clock, random }),
    signIn: {
      config: signIn,
      issuer,
      clientSecret: async () => (secret === undefined ? undefined : await resolve(secret)),
      seal: seal('credctl console sign-in'),
    },
  }
}
