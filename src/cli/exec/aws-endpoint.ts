import { CredentialCache } from '../../client/credential-cache.ts'
import type { JsonObject } from '../../client/json.ts'
import { isCredctlError } from '../../errors.ts'
import { credentialPath } from './endpoint-path.ts'
import { type LocalAnswer, type LocalHandler, localError } from './loopback.ts'

/**
 * The container-credentials endpoint of AWS SDKs for the targets of a grant: the same credential
 * until shortly before its expiry, never one that is past it, whoever asks and however often. SDKs
 * hide why they got none, so that `report` tells people.
 */
export function awsEndpoint(
  targets: readonly string[],
  fetch: (target: string) => Promise<JsonObject>,
  report: (problem: string) => void,
): LocalHandler {
  const caches = new Map(
    targets.map((target) => [
      credentialPath(target),
      new CredentialCache(async () => containerCredential(await fetch(target))),
    ]),
  )
  const told = new Set<string>()
  return async (method, path) => {
    const cache = caches.get(path)
    if (method !== 'GET' || cache === undefined) return undefined
    try {
      return { status: 200, body: await cache.get() }
    } catch (error) {
      const answer = failure(error)
      // SDKs ask several times: people are told once.
      if (!told.has(answer.body)) report(`no AWS credential: ${messageOf(error)}`)
      told.add(answer.body)
      return answer
    }
  }
}

/** Field by field: what SDKs read and nothing else. */
function containerCredential(credential: JsonObject) {
  const value = JSON.stringify({
    AccessKeyId: credential.text('AccessKeyId'),
    SecretAccessKey: credential.text('SecretAccessKey'),
    Token: credential.text('Token'),
    Expiration: credential.text('Expiration'),
  })
  return { value, expiresAt: credential.time('Expiration').getTime() }
}

function failure(error: unknown): LocalAnswer {
  const code = isCredctlError(error) ? error.code : 'internal'
  return localError(code === 'unavailable' ? 503 : 403, code, messageOf(error))
}

function messageOf(error: unknown): string {
  return isCredctlError(error) ? error.message : 'the credential could not be fetched'
}
