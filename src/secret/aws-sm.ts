import type {
  SecretsManagerClient,
  SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager'
import { CredctlError } from '../errors.ts'
import { Secret } from './secret.ts'
import type { SecretStore } from './stored.ts'

/** Where Secrets Manager is and as whom, in tests; the default chain and regional endpoint otherwise. */
export type SecretsManagerPlace = Pick<
  SecretsManagerClientConfig,
  'credentials' | 'endpoint' | 'region'
>

const DEADLINE_MS = 8_000

/** What each refusal means for whoever wrote the reference (Secrets Manager API, GetSecretValue). */
const REASONS: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'there is no such secret, or it has no current version',
  AccessDeniedException: 'the broker may not read it: secretsmanager:GetSecretValue is missing',
  DecryptionFailure: 'the broker may not decrypt it: kms:Decrypt is missing',
  InvalidRequestException: 'it is marked for deletion, or has no current version',
  InvalidParameterException: 'Secrets Manager does not accept its name',
  ThrottlingException: 'Secrets Manager is throttling us',
  InternalServiceError: 'Secrets Manager failed',
  CredentialsProviderError: 'the broker has no AWS credentials',
  UnrecognizedClientException: 'Secrets Manager does not know the AWS credentials of the broker',
  ExpiredTokenException: 'the AWS credentials of the broker have expired',
  TimeoutError: 'Secrets Manager does not answer in time',
  AbortError: 'Secrets Manager does not answer in time',
}

/** Secrets by name or ARN. The SDK is loaded with the first one; its client lives as long as the store. */
export function secretsManager(place: SecretsManagerPlace = {}): SecretStore & { close(): void } {
  const clients = new Map<string, Promise<SecretsManagerClient>>()
  const clientFor = (name: string) => {
    // An ARN says in which region its secret is.
    const region = /^arn:[a-z-]+:secretsmanager:([a-z0-9-]+):/.exec(name)?.[1] ?? ''
    const client = clients.get(region) ?? open(region, place)
    clients.set(region, client)
    return client
  }
  return {
    fetch: async (name) => {
      try {
        const client = await clientFor(name)
        const { GetSecretValueCommand } = await import('@aws-sdk/client-secrets-manager')
        const command = new GetSecretValueCommand({ SecretId: name })
        const abortSignal = AbortSignal.timeout(DEADLINE_MS)
        const { SecretString: text } = await client.send(command, { abortSignal })
        if (text === undefined) throw new CredctlError('secret_unresolvable', binary(name))
        return new Secret(text)
      } catch (error) {
        throw explained(error)
      }
    },
    close: () => {
      for (const client of clients.values()) void client.then((opened) => opened.destroy())
    },
  }
}

async function open(region: string, place: SecretsManagerPlace): Promise<SecretsManagerClient> {
  const { SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager')
  return new SecretsManagerClient({
    // AWS_ENDPOINT_URL and profiles could point the broker's credentials elsewhere.
    ignoreConfiguredEndpointUrls: true,
    maxAttempts: 4,
    ...(region === '' ? {} : { region }),
    ...place,
  })
}

function binary(name: string): string {
  return `aws-sm:${name} is binary, and a secret of the broker is a text`
}

/** The SDK's own messages hold ARNs and request ids, and sometimes more: they are not passed on. */
function explained(error: unknown): CredctlError {
  if (error instanceof CredctlError) return error
  const name = error instanceof Error ? error.name : ''
  const noRegion = error instanceof Error && error.message === 'Region is missing'
  const why = noRegion ? 'no AWS region is set' : (REASONS[name] ?? `it failed (${name})`)
  const hint = noRegion ? 'set AWS_REGION, or write the ARN of the secret' : undefined
  return new CredctlError('unavailable', why, hint === undefined ? {} : { hint })
}
