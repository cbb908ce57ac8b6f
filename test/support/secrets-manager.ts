import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SecretsManagerPlace } from '../../src/secret/aws-sm.ts'

/** What the stand-in answers for one secret: its content, or an error by name. */
export type Content =
  | { readonly SecretString: string }
  | { readonly SecretBinary: string }
  | { readonly error: string; readonly status?: number; readonly times?: number }

/** Secrets Manager for the real SDK: GetSecretValue over its JSON protocol. The caller closes it. */
export async function startSecretsManager() {
  const secrets = new Map<string, Content>()
  const asked: string[] = []
  const answer = (name: string, response: ServerResponse) => {
    const held = secrets.get(name) ?? { error: 'ResourceNotFoundException' }
    response.setHeader('content-type', 'application/x-amz-json-1.1')
    if (!('error' in held)) {
      response.end(JSON.stringify({ ARN: `arn:${name}`, Name: name, VersionId: 'v', ...held }))
      return
    }
    const body = JSON.stringify({
      __type: held.error,
      message: `canary in a message about ${name}`,
    })
    response.writeHead(held.status ?? 400).end(body)
  }
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const name = String(JSON.parse(Buffer.concat(chunks).toString()).SecretId)
    asked.push(name)
    answer(name, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const place: SecretsManagerPlace = {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'x' },
  }
  return {
    secrets,
    asked,
    place,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
