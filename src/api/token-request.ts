import { z } from 'zod'
import { GRANT_TYPES, TASK_DETAILS_TYPE, TOKEN_TYPES, taskDetails } from '../contract.ts'
import type { Ask } from '../decision/evaluate.ts'
import { CredctlError } from '../errors.ts'
import { CALLER_CLASSES } from '../identity/caller.ts'
import type { Presented } from '../identity/presented.ts'
import { parseUnambiguous } from './body.ts'
import { placeOf } from './issue-place.ts'
import type { OAuthErrorName } from './oauth-error.ts'

/** What a bad identity token is called under a grant type. */
export type BadToken = 'invalid_request' | 'invalid_grant' | 'invalid_client'

/** A request to `/token` in a form this server understands. */
export type TokenRequest =
  | {
      readonly kind: 'ask'
      /** Who it is from, as it says. */
      readonly presented: Presented
      readonly badToken: BadToken
      readonly ask: Ask
      /** Would the client rather wait than be refused, where people have to agree first? */
      readonly deferrable: boolean
    }
  | {
      /** Asks again about a request that waits. */
      readonly kind: 'poll'
      readonly code: string
      /** Absent where a proof of the request's key says who it is. */
      readonly presented: Presented | undefined
      readonly badToken: BadToken
    }

/** A malformed request, with the name OAuth has for it. */
export class TokenRequestError extends CredctlError {
  readonly oauth: OAuthErrorName

  constructor(oauth: OAuthErrorName, message: string, hint?: string) {
    super('request_invalid', message, hint === undefined ? {} : { hint })
    this.oauth = oauth
  }
}

/**
 * Reads the form of RFC 8693 §2.1 or RFC 7523 §2.1 with RFC 9396 details. Unknown parameters are
 * ignored (RFC 6749 §3.2), repeated ones refused.
 */
export function parseTokenRequest(body: string, url: string): TokenRequest {
  const form = new Form(body)
  const grantType = form.required('grant_type')
  if (grantType === GRANT_TYPES.deferred) return poll(form)
  const ask = askOf(form.required('authorization_details'))
  checkAudience(form, url)
  if (grantType === GRANT_TYPES.exchange) return exchange(form, ask)
  if (grantType === GRANT_TYPES.bearer) {
    const subject = { kind: 'jwt', token: form.required('assertion') } as const
    const presented = { subject, ...loweredTo(form) }
    const deferrable = offersDeferral(form)
    return { kind: 'ask', presented, badToken: 'invalid_grant', ask, deferrable }
  }
  const hint = `Use ${Object.values(GRANT_TYPES).join(' or ')}.`
  throw new TokenRequestError('unsupported_grant_type', 'this grant type is not supported', hint)
}

const IDENTITY_TYPES: readonly string[] = [TOKEN_TYPES.jwt, TOKEN_TYPES.id]

function exchange(form: Form, ask: Ask): TokenRequest {
  const kind = tokenKind(form, 'subject_token_type')
  const requested = form.optional('requested_token_type')
  if (requested !== undefined && requested !== TOKEN_TYPES.access) {
    const hint = `Use ${TOKEN_TYPES.access}, or leave it out.`
    throw new TokenRequestError('invalid_request', 'this requested_token_type is not issued', hint)
  }
  const subject = { kind, token: form.required('subject_token') }
  const presented = { subject, ...actorOf(form), ...loweredTo(form) }
  const deferrable = offersDeferral(form)
  return { kind: 'ask', presented, badToken: 'invalid_request', ask, deferrable }
}

/** `completion_mode` is a list; other members of it are other clients' business. */
function offersDeferral(form: Form): boolean {
  const modes = form.optional('completion_mode') ?? ''
  return modes.split(/[ ,]+/).includes('deferred')
}

/** What a poll may not say again: it was said when the request was made. */
const SAID_BEFORE = [
  'subject_token',
  'subject_token_type',
  'requested_token_type',
  'audience',
  'assertion',
  'authorization_details',
]
const JWT_CLIENT = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** RFC 7521 §4.2: the assertion says who polls, with a token of the same identity. */
function poll(form: Form): TokenRequest {
  const code = form.required('deferral_code')
  const repeated = SAID_BEFORE.find((name) => form.optional(name) !== undefined)
  if (repeated !== undefined) {
    throw new TokenRequestError('invalid_request', `${repeated} does not go with a deferral_code`)
  }
  const token = form.optional('client_assertion')
  const type = form.optional('client_assertion_type')
  if ((token === undefined) !== (type === undefined) || (type ?? JWT_CLIENT) !== JWT_CLIENT) {
    const hint = `Send client_assertion with client_assertion_type ${JWT_CLIENT}.`
    throw new TokenRequestError('invalid_request', 'the client assertion is incomplete', hint)
  }
  const subject = { kind: 'jwt', token: token ?? '' } as const
  const presented =
    token === undefined ? undefined : { subject, ...actorOf(form), ...loweredTo(form) }
  return { kind: 'poll', code, presented, badToken: 'invalid_client' }
}

function tokenKind(form: Form, name: string): Presented['subject']['kind'] {
  const type = form.required(name)
  if (type === TOKEN_TYPES.awsRequest) return 'aws-request'
  if (IDENTITY_TYPES.includes(type)) return 'jwt'
  const hint = `Use ${[...IDENTITY_TYPES, TOKEN_TYPES.awsRequest].join(' or ')}.`
  throw new TokenRequestError('invalid_request', `this ${name} is not accepted`, hint)
}

/** RFC 8693 §2.1: the type is required with an actor token and forbidden without one. */
function actorOf(form: Form): Pick<Presented, 'actor'> {
  const actor = form.optional('actor_token')
  if (actor === undefined) {
    if (form.optional('actor_token_type') === undefined) return {}
    throw new TokenRequestError('invalid_request', 'actor_token_type is given without actor_token')
  }
  if (tokenKind(form, 'actor_token_type') === 'jwt') return { actor }
  throw new TokenRequestError('invalid_request', 'an actor is named by a JWT')
}

/** Ours: the class that a request asks to be treated as, never a more trusted one. */
function loweredTo(form: Form): Pick<Presented, 'lowerTo'> {
  const wanted = form.optional('caller_class')
  if (wanted === undefined) return {}
  const lowerTo = CALLER_CLASSES.find((name) => name === wanted)
  if (lowerTo !== undefined) return { lowerTo }
  const hint = `Use one of ${CALLER_CLASSES.join(', ')}.`
  throw new TokenRequestError('invalid_request', 'there is no such caller_class', hint)
}

/** RFC 8707 and RFC 8693 let a client name its audience: ours is the only one there is. */
function checkAudience(form: Form, url: string): void {
  for (const name of ['resource', 'audience']) {
    const value = form.optional(name)
    if (value === undefined || value.replace(/\/+$/, '') === url) continue
    throw new TokenRequestError('invalid_target', `tokens are issued for ${url} only`)
  }
}

const detailsList = z.array(taskDetails).length(1)

function askOf(text: string): Ask {
  const { type: _type, break_glass: breakGlass, ...ask } = parseDetails(text)
  return breakGlass === true ? { ...ask, breakGlass } : ask
}

function parseDetails(text: string): z.infer<typeof taskDetails> {
  const hint = `Send a JSON array with one object: type ${TASK_DETAILS_TYPE}, scope, environment, intent and, if the scope has them, parameters.`
  const json = parseUnambiguous(text)
  if (json === undefined) {
    const message = 'authorization_details is not JSON, or says something twice'
    throw new TokenRequestError('invalid_authorization_details', message, hint)
  }
  const parsed = detailsList.safeParse(json)
  const [details] = parsed.data ?? []
  if (details !== undefined) return details
  const where = placeOf(parsed.error)
  const message = `authorization_details is not accepted${where === '' ? '' : ` at ${where}`}`
  throw new TokenRequestError('invalid_authorization_details', message, hint)
}

class Form {
  readonly #values: URLSearchParams

  constructor(body: string) {
    this.#values = new URLSearchParams(body)
  }

  optional(name: string): string | undefined {
    const values = this.#values.getAll(name)
    if (values.length > 1) {
      throw new TokenRequestError('invalid_request', `${name} is given more than once`)
    }
    // RFC 6749 §3.2: a parameter without a value counts as left out.
    return values[0] === '' ? undefined : values[0]
  }

  required(name: string): string {
    const value = this.optional(name)
    if (value === undefined) throw new TokenRequestError('invalid_request', `${name} is missing`)
    return value
  }
}
