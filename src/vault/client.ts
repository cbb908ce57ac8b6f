import { setTimeout as sleep } from 'node:timers/promises'
import type nodeVault from 'node-vault'
import type { Random } from '../clock.ts'
import type { Secret } from '../secret/secret.ts'
import { type Answer, errorsOf, isConnectionFailure, isPassing, wireFailure } from './answer.ts'
import type { VaultPath } from './path.ts'
import { openTransport, type Transport } from './transport.ts'

export interface Request {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: VaultPath
  readonly body?: object
  /** Absent for logins and for `sys/health`. */
  readonly token?: Secret<string>
  /** The answer is wrapped for so long, in seconds, instead of given. */
  readonly wrapSeconds?: number
  /** Must not be sent twice: it makes something each time. */
  readonly once?: true
  /** What it is for, as the beginning of an error message. */
  readonly doing: string
}

export interface Patience {
  /** For one request with all its repetitions, in milliseconds. */
  readonly deadlineMs: number
  /** For one attempt. */
  readonly attemptMs: number
  /** Upper bound of the first pause; doubles with each. */
  readonly firstPauseMs: number
}

export const PATIENCE: Patience = { deadlineMs: 5_000, attemptMs: 5_000, firstPauseMs: 50 }

export interface ClientOptions {
  readonly address: string
  readonly namespace: string | undefined
  readonly ca: string | undefined
  readonly random: Random
  readonly patience: Patience
}

/**
 * Sends requests to one Vault by way of node-vault, of which only `read`, `write` and `request` are used: with
 * our own transport, fresh headers for each call, and none of the environment's values. Answers of
 * any status resolve, except those that repeating could not get past. Errors:
 * `target_unavailable`, `target_refused`.
 */
export class Client {
  readonly #options: ClientOptions
  readonly #transport: Transport
  #vault: Promise<nodeVault.client> | undefined

  constructor(options: ClientOptions) {
    this.#options = options
    this.#transport = openTransport(options.address, options.ca)
  }

  async send(request: Request): Promise<Answer> {
    const { deadlineMs, firstPauseMs } = this.#options.patience
    const deadline = performance.now() + deadlineMs
    for (let bound = firstPauseMs; ; bound *= 2) {
      const left = Math.ceil(deadline - performance.now())
      const outcome = await this.#attempt(request, left)
      const pause = this.#pause(bound)
      const late = performance.now() + pause >= deadline
      if ('answer' in outcome && (request.once || late || !isPassing(outcome.answer))) {
        return outcome.answer
      }
      if ('error' in outcome && (request.once || late || !isConnectionFailure(outcome.error))) {
        throw wireFailure(outcome.error, request.doing)
      }
      await sleep(pause)
    }
  }

  close(): void {
    this.#transport.close()
  }

  /** Random between zero and the bound: what was turned away must not come back all at once. */
  #pause(bound: number): number {
    return (this.#options.random(4).readUInt32BE() / 2 ** 32) * bound
  }

  async #attempt(request: Request, leftMs: number): Promise<Outcome> {
    this.#vault ??= openNodeVault(this.#options.address, this.#transport)
    const vault = await this.#vault
    const { patience, namespace } = this.#options
    const signal = AbortSignal.timeout(Math.max(1, Math.min(leftMs, patience.attemptMs)))
    const options = { headers: headersOf(request, namespace), signal }
    try {
      return { answer: { status: 200, body: await sent(vault, request, options) } }
    } catch (error) {
      const answer = answerOf(error)
      return answer === undefined ? { error } : { answer: redacted(answer, request) }
    }
  }
}

function sent(vault: nodeVault.client, request: Request, options: object): Promise<unknown> {
  const { method, path, body = {} } = request
  if (method === 'GET') return vault.read(path, options)
  if (method === 'POST') return vault.write(path, body, options)
  return vault.request({ ...options, method, path: `/${path}` })
}

type Outcome = { readonly answer: Answer } | { readonly error: unknown }

/** Empty texts, set after opening: node-vault takes `VAULT_*` variables for what is absent. */
async function openNodeVault(endpoint: string, transport: Transport): Promise<nodeVault.client> {
  const { default: open } = await import('node-vault')
  const options = {
    endpoint,
    apiVersion: 'v1',
    commands: {},
    // It would print bodies, which hold secrets.
    debug: () => undefined,
    'request-promise': { defaults: () => transport.send },
  }
  const vault = open(options)
  return Object.assign(vault, { endpoint, token: '', namespace: '', pathPrefix: '' })
}

function headersOf(request: Request, namespace: string | undefined): Record<string, string> {
  const { token, wrapSeconds } = request
  return {
    'X-Vault-Request': 'true',
    ...(token === undefined ? {} : { 'X-Vault-Token': token.reveal() }),
    ...(namespace === undefined ? {} : { 'X-Vault-Namespace': namespace }),
    ...(wrapSeconds === undefined ? {} : { 'X-Vault-Wrap-TTL': `${wrapSeconds}s` }),
  }
}

/** node-vault rejects every status but 200 and 204, and gives the whole answer along. */
function answerOf(error: unknown): Answer | undefined {
  if (!(error instanceof Error) || !('response' in error)) return undefined
  const { response } = error
  if (typeof response !== 'object' || response === null || !('statusCode' in response)) {
    return undefined
  }
  const body = 'body' in response ? response.body : undefined
  return { status: Number(response.statusCode), body }
}

/** What Vault says about a failure goes into messages: nothing that we sent may come back in it. */
function redacted(answer: Answer, { token, body }: Request): Answer {
  const said = errorsOf(answer)
  if (said.length === 0) return answer
  const texts = Object.values(body ?? {}).filter((value) => typeof value === 'string')
  const sent = [...texts, ...(token === undefined ? [] : [token.reveal()])]
  const hidden = sent.filter((text) => text.length >= 6)
  const errors = said.map((text) => hidden.reduce((all, one) => all.replaceAll(one, '…'), text))
  return { ...answer, body: { errors } }
}
