import { isProtected } from '../../client/address.ts'
import { JsonObject } from '../../client/json.ts'
import { CredctlError, ERROR_CODES } from '../../errors.ts'
import { send } from '../broker/request.ts'
import { credentialPath } from '../exec/endpoint-path.ts'
import type { AwsCredentialsOutput } from '../output/aws-credentials.ts'
import { readPrivateFile } from '../private-file.ts'
import { processOutput } from './process-output.ts'

/** From the endpoint that `credctl exec` serves to what runs under it. */
export async function fetchLocally(
  env: NodeJS.ProcessEnv,
  target: string,
): Promise<AwsCredentialsOutput> {
  const { CREDCTL_ENDPOINT: endpoint, CREDCTL_ENDPOINT_TOKEN_FILE: file } = env
  if (!endpoint || !file) {
    throw new CredctlError('usage', 'there is no grant here', {
      hint: 'Give --scope and --env to start one, or run this under credctl exec.',
    })
  }
  const url = URL.parse(`${endpoint}${credentialPath(target)}`)
  const authorization = await readPrivateFile(file)
  if (url === null || !isProtected(url) || authorization === undefined) {
    throw new CredctlError('usage', 'CREDCTL_ENDPOINT is not what credctl exec sets')
  }
  const { status, body } = await send({ method: 'GET', url, headers: { authorization } })
  const answer = JsonObject.parse(body, 'the answer of the endpoint')
  if (status === 200) return processOutput(answer)
  const code = ERROR_CODES.find((known) => known === answer.text('Code')) ?? 'unavailable'
  throw new CredctlError(code, answer.text('Message'))
}
