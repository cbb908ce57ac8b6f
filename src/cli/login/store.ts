import { Keychain, TOOLS } from './keychain.ts'
import { TokenFile } from './token-file.ts'

/** A place for one identity token for each broker: a token goes to the broker it was got for only. */
export interface TokenStore {
  readonly name: 'keychain' | 'file'
  /** False when this place cannot keep it. */
  keep(broker: string, token: string): Promise<boolean>
  find(broker: string): Promise<string | undefined>
  forget(broker: string): Promise<void>
}

export interface KeptToken {
  readonly token: string
  readonly place: TokenStore['name']
}

/** The keychain where the system has one, then the file. */
function storesOf(env: NodeJS.ProcessEnv): readonly TokenStore[] {
  const { platform } = process
  const keychains =
    platform === 'darwin' || platform === 'linux' ? [new Keychain(TOOLS[platform], env)] : []
  return [...keychains, new TokenFile(env)]
}

/** Keeps a token in the best place there is and nowhere else; gives the name of the place. */
export async function keepToken(
  env: NodeJS.ProcessEnv,
  broker: string,
  token: string,
): Promise<TokenStore['name']> {
  await forgetToken(env, broker)
  for (const store of storesOf(env)) {
    if (await store.keep(broker, token)) return store.name
  }
  throw new RangeError('the file keeps every token')
}

export async function findToken(
  env: NodeJS.ProcessEnv,
  broker: string,
): Promise<KeptToken | undefined> {
  for (const store of storesOf(env)) {
    const token = await store.find(broker)
    if (token !== undefined) return { token, place: store.name }
  }
  return undefined
}

export async function forgetToken(env: NodeJS.ProcessEnv, broker: string): Promise<void> {
  for (const store of storesOf(env)) await store.forget(broker)
}
