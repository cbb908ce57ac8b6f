import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readPrivateFile, writePrivateFile } from '../private-file.ts'
import { stateDirectory } from '../state-directory.ts'
import type { TokenStore } from './store.ts'

/** Files of mode 0600 in a directory of mode 0700: where there is no keychain. */
export class TokenFile implements TokenStore {
  readonly name = 'file'
  readonly #directory: string

  constructor(env: NodeJS.ProcessEnv) {
    this.#directory = join(stateDirectory(env), 'login')
  }

  async keep(broker: string, token: string): Promise<boolean> {
    await writePrivateFile(this.#place(broker), token)
    return true
  }

  async find(broker: string): Promise<string | undefined> {
    return await readPrivateFile(this.#place(broker))
  }

  async forget(broker: string): Promise<void> {
    await rm(this.#place(broker), { force: true })
  }

  #place(broker: string): string {
    return join(this.#directory, createHash('sha256').update(broker).digest('hex'))
  }
}
