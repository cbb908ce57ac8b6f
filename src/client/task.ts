import { CredctlError } from '../errors.ts'
import { type AwsCredentialProvider, type AwsCredentials, awsCredentials } from './aws.ts'
import type { Connection } from './connection.ts'
import { CredentialCache, type Fetched } from './credential-cache.ts'
import {
  endGrant,
  fetchCredential,
  type GrantedTarget,
  type GrantStatus,
  grantStatus,
  type HeldGrant,
  type Revocation,
} from './grant.ts'
import type { JsonObject } from './json.ts'
import {
  type PostgresConfig,
  type PostgresCredential,
  postgresConfig,
  postgresCredential,
} from './postgres.ts'

/**
 * A task under a grant of its own: end it, or declare it with `await using`. Nothing of it shows a
 * secret when it is printed.
 */
export class Task implements AsyncDisposable {
  readonly id: string
  readonly expiresAt: Date
  readonly targets: readonly GrantedTarget[]
  /** The plan's counts: accounts, databases, tables, resources, and what may be done to them. */
  readonly blastRadius: Readonly<Record<string, unknown>>
  readonly #connection: Connection
  readonly #token: string
  readonly #aws = new Map<string, CredentialCache<AwsCredentials>>()
  readonly #postgres = new Map<string, CredentialCache<PostgresCredential>>()
  #ended: Promise<readonly Revocation[]> | undefined

  constructor(connection: Connection, grant: HeldGrant) {
    this.id = grant.id
    this.expiresAt = grant.expiresAt
    this.targets = grant.targets
    this.blastRadius = grant.blastRadius.raw()
    this.#connection = connection
    this.#token = grant.token
  }

  /**
   * Gives the credential of an AWS target for as long as the grant lives: for `credentials` of any
   * SDK client. It is fetched when it is needed and again ahead of its expiry. Errors of the
   * provider: `grant_ended`, the broker's own; of this call: `target_unknown`.
   */
  aws(target: string): AwsCredentialProvider {
    this.#require(target, 'aws')
    const cache = this.#cached(this.#aws, target, awsCredentials)
    return () => cache.get()
  }

  /**
   * How to connect to a PostgreSQL target, for `new Client(…)` or `new Pool(…)` of `pg`. The
   * password is a function, so that printing the object shows none. Errors: as of `aws`.
   */
  async postgres(target: string): Promise<PostgresConfig> {
    this.#require(target, 'postgres')
    const cache = this.#cached(this.#postgres, target, postgresCredential)
    const credential = await cache.get()
    return postgresConfig(credential, async () => passwordFor(credential.user, await cache.get()))
  }

  /** What the broker's log knows of the grant now. */
  async status(): Promise<GrantStatus> {
    return await grantStatus(this.#connection, this.#token, this.id)
  }

  /**
   * Ends the grant; tells what became of its credentials. After a success, calls again give the
   * same answer; after a failure they try again.
   */
  async end(): Promise<readonly Revocation[]> {
    this.#ended ??= this.#end()
    return await this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }

  async #end(): Promise<readonly Revocation[]> {
    for (const cache of [...this.#aws.values(), ...this.#postgres.values()]) cache.forget()
    try {
      return await endGrant(this.#connection, this.#token, this.id)
    } catch (error) {
      this.#ended = undefined
      throw error
    }
  }

  #require(target: string, kind: string): void {
    if (this.targets.some((each) => each.name === target && each.kind === kind)) return
    const known = this.targets.map((each) => `${each.name} (${each.kind})`).join(', ')
    throw new CredctlError('target_unknown', `the grant has no such ${kind} target`, {
      hint: `Its targets are ${known}.`,
    })
  }

  #cached<T>(
    caches: Map<string, CredentialCache<T>>,
    target: string,
    read: (answer: JsonObject) => Fetched<T>,
  ): CredentialCache<T> {
    const cache =
      caches.get(target) ??
      new CredentialCache(async () => {
        if (this.#ended !== undefined) throw new CredctlError('grant_ended', 'the task has ended')
        return read(await fetchCredential(this.#connection, this.#token, target))
      })
    caches.set(target, cache)
    return cache
  }
}

/** A broker that lost its memory makes another login, which a pool cannot change to. */
function passwordFor(user: string, credential: PostgresCredential): string {
  if (credential.user === user) return credential.password
  throw new CredctlError('unavailable', 'the grant has another login now', {
    hint: 'Ask the task for its postgres configuration again, and connect with that.',
  })
}
