import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isCredctlError } from '../../src/errors.ts'
import { openCheckpoint } from '../../src/ledger/checkpoint.ts'
import { cosignedMessage } from '../../src/ledger/cosignature.ts'
import { verifyConsistency } from '../../src/ledger/merkle.ts'
import {
  decodeBase64,
  ED25519_COSIGNATURE,
  ML_DSA_44_COSIGNATURE,
  parseVkey,
  signatureLine,
  type Verifier,
  vkeyOf,
} from '../../src/ledger/note.ts'

/** An answer instead of the right one; `undefined` lets the witness do its work. */
export type Misbehaviour = (
  request: { readonly body: string },
  response: ServerResponse,
) => boolean | Promise<boolean>

/**
 * A witness as C2SP tlog-witness describes it, with its own memory: it checks signature, size and
 * proof, remembers before it answers, and cosigns. The caller closes it.
 */
export async function startWitness({
  name = 'witness.example/w1',
  key,
  logs,
  now = () => new Date(),
}: {
  readonly name?: string
  readonly key: KeyObject
  readonly logs: readonly Verifier[]
  readonly now?: () => Date
}) {
  const type = key.asymmetricKeyType === 'ed25519' ? ED25519_COSIGNATURE : ML_DSA_44_COSIGNATURE
  const jwk = createPublicKey(key).export({ format: 'jwk' }) as { x?: string; pub?: string }
  const vkey = vkeyOf(name, type, Buffer.from(jwk.x ?? jwk.pub ?? '', 'base64url'))
  const verifier = parseVkey(vkey)
  const memory = new Map<string, { size: number; root: Buffer }>()
  const requests: string[] = []
  const answers: number[] = []
  const state: { misbehave: Misbehaviour | undefined } = { misbehave: undefined }

  const cosign = (text: string) => {
    const seconds = BigInt(Math.floor(now().getTime() / 1000))
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(seconds)
    const signature = sign(null, cosignedMessage(verifier, seconds, text), key)
    return signatureLine({ ...verifier, signature: Buffer.concat([time, signature]) })
  }

  const addCheckpoint = (body: string): [number, string, string?] => {
    const end = body.indexOf('\n\n')
    const [first = '', ...lines] = body.slice(0, end).split('\n')
    const [, digits] = /^old (0|[1-9]\d*)$/.exec(first) ?? []
    const proof = lines.map(decodeBase64)
    if (end < 0 || digits === undefined || proof.length > 63) return [400, '']
    if (proof.some((hash) => hash?.length !== 32)) return [400, '']
    const old = Number(digits)
    let checkpoint: ReturnType<typeof openCheckpoint>
    try {
      checkpoint = openCheckpoint(body.slice(end + 2), logs)
    } catch (error) {
      if (!isCredctlError(error, 'log_invalid')) throw error
      return [error.message.includes('another log') ? 404 : 403, '']
    }
    const { origin, size, root, note } = checkpoint
    if (old > size) return [400, '']
    const known = memory.get(origin) ?? { size: 0, root: Buffer.alloc(0) }
    if (known.size !== old) return [409, `${known.size}\n`, 'text/x.tlog.size']
    const hashes = proof.filter((hash) => hash !== undefined)
    const continues =
      old === 0
        ? hashes.length === 0
        : verifyConsistency({
            first: old,
            second: size,
            firstRoot: known.root,
            secondRoot: root,
            proof: hashes,
          })
    if (!continues) return [422, '']
    memory.set(origin, { size, root })
    return [200, cosign(note.text)]
  }

  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    requests.push(body)
    if ((await state.misbehave?.({ body }, response)) === true) return
    if (request.method !== 'POST' || request.url !== '/add-checkpoint') {
      response.writeHead(405).end()
      return
    }
    const [status, text, contentType = 'text/plain'] = addCheckpoint(body)
    answers.push(status)
    response.writeHead(status, { 'content-type': contentType }).end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    vkey,
    verifier,
    memory,
    requests,
    answers,
    cosign,
    misbehave: (how: Misbehaviour | undefined) => {
      state.misbehave = how
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
export type TestWitness = Awaited<ReturnType<typeof startWitness>>
