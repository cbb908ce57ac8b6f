import { fetchCredential, requestGrant } from '../../client/grant.ts'
import type { JsonObject } from '../../client/json.ts'
import { CredctlError, isCredctlError } from '../../errors.ts'
import { connectionTo } from '../broker/grant.ts'
import { identityToken } from '../broker/identity.ts'
import type { Cli } from '../cli.ts'
import { parametersOf } from '../flags.ts'
import type { AwsCredentialsOutput } from '../output/aws-credentials.ts'
import { type KeptGrant, readCredential, readGrant, renewalOf, write } from './kept.ts'
import { exclusively } from './lock.ts'
import type { Place } from './place.ts'
import { processOutput } from './process-output.ts'
import type { StandaloneFlags } from './standalone.ts'

interface Wanted {
  readonly broker: string
  readonly flags: StandaloneFlags & { readonly intent: string }
  readonly place: Place
}

/** Gets a newer credential and keeps it; what another call got meanwhile is as good. */
export async function renew(cli: Cli, wanted: Wanted): Promise<AwsCredentialsOutput> {
  const { place } = wanted
  return await exclusively(place.lock, async () => {
    const newer = await readCredential(place.credential)
    if (newer !== undefined && Date.now() < newer.renewAt) return newer.output
    const output = processOutput(await fetchAnew(cli, wanted))
    const expiresAt = Date.parse(output.Expiration)
    await write(place.credential, { output, expiresAt, renewAt: renewalOf(Date.now(), expiresAt) })
    return output
  })
}

/** Under the grant of earlier calls, unless that one ended or no longer fits the scope. */
async function fetchAnew(cli: Cli, wanted: Wanted): Promise<JsonObject> {
  const kept = await readGrant(wanted.place.grant)
  if (kept !== undefined && Date.now() < kept.renewAt) {
    try {
      return await fetchUnder(kept, wanted)
    } catch (error) {
      if (!isCredctlError(error, ...OVER)) throw error
    }
  }
  return await fetchUnder(await start(cli, wanted), wanted)
}

const OVER = ['grant_ended', 'grant_not_found', 'plan_changed', 'token_expired'] as const

async function fetchUnder(grant: KeptGrant, { broker, flags }: Wanted): Promise<JsonObject> {
  const { token, targets } = grant
  if (!targets.includes(flags.target)) {
    throw new CredctlError('target_unknown', 'the scope has no AWS target of this name', {
      hint:
        targets.length === 0 ? 'It has none at all.' : `Its AWS targets are ${targets.join(', ')}.`,
    })
  }
  return await fetchCredential(connectionTo(broker), token, flags.target)
}

/** Without waiting for approvals: what calls this gives up after seconds. */
async function start(cli: Cli, { broker, flags, place }: Wanted): Promise<KeptGrant> {
  const { scope, env: environment, intent, callerClass } = flags
  const lowered = callerClass === undefined ? {} : { callerClass }
  const task = { scope, environment, intent, parameters: parametersOf(flags), ...lowered }
  const identity = () => identityToken(cli, flags, broker)
  const granted = await requestGrant(connectionTo(broker), identity, task)
  const { id, token, expiresAt } = granted
  const targets = granted.targets.filter(({ kind }) => kind === 'aws').map(({ name }) => name)
  const grant = { id, token, targets, renewAt: renewalOf(Date.now(), expiresAt.getTime()) }
  await write(place.grant, grant)
  return grant
}
