import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { evaluatePolicies, type Verdict } from '../../src/plan/aws/evaluation/evaluate.ts'
import { RequestContext } from '../../src/plan/aws/evaluation/request.ts'
import type { Policy } from '../../src/plan/aws/policy.ts'

/** A session the stand-in gave out, with everything a real one would be evaluated by. */
export interface StandInSession {
  readonly accessKeyId: string
  readonly role: string
  readonly name: string
  readonly sourceIdentity: string
  readonly policy: string
  readonly tags: Readonly<Record<string, string>>
  readonly durationSeconds: number
  readonly externalId: string | undefined
  readonly issuedAt: Date
}

export interface StandInSts {
  readonly endpoint: string
  /** Every session given out, in order. */
  readonly sessions: readonly StandInSession[]
  /** Every form posted, also refused ones. */
  readonly requests: readonly URLSearchParams[]
  /** Exactly the next `times` requests fail with this error of the query protocol. */
  failNext(error: { code: string; message?: string; status?: number; times?: number }): void
  /** Answers this much later. */
  delayMs: number
  close(): Promise<void>
}

interface Failure {
  readonly code: string
  readonly message: string
  readonly status: number
}

/** AssumeRole and GetCallerIdentity as AWS STS answers them over HTTP, with the limits of its model. */
export async function startSts(): Promise<StandInSts> {
  const sessions: StandInSession[] = []
  const requests: URLSearchParams[] = []
  const failures: Failure[] = []
  const state = { delayMs: 0 }
  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(await bodyOf(request))
    requests.push(form)
    await new Promise((resolve) => setTimeout(resolve, state.delayMs))
    const failure = failures.shift() ?? unsigned(request)
    if (failure !== undefined) return answerError(response, failure)
    if (form.get('Action') === 'GetCallerIdentity') {
      const caller = sessions.find((each) => each.accessKeyId === accessKeyOf(request))
      return caller === undefined
        ? answerError(response, { code: 'InvalidClientTokenId', message: '', status: 403 })
        : answer(response, 200, identityOf(caller))
    }
    const problem = problemOf(form)
    if (problem !== undefined) return answerError(response, problem)
    const session = sessionOf(form, sessions.length)
    sessions.push(session)
    answer(response, 200, assumed(session))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    sessions,
    requests,
    failNext: ({ code, message = 'no', status = 400, times = 1 }) => {
      failures.length = 0
      for (let index = 0; index < times; index += 1) failures.push({ code, message, status })
    },
    get delayMs() {
      return state.delayMs
    },
    set delayMs(value) {
      state.delayMs = value
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function unsigned(request: IncomingMessage): Failure | undefined {
  const signature = /^AWS4-HMAC-SHA256 Credential=[^/]+\/[0-9]{8}\/[a-z0-9-]+\/sts\/aws4_request, /
  if (signature.test(request.headers.authorization ?? '')) return undefined
  return { code: 'MissingAuthenticationToken', message: 'not signed', status: 403 }
}

function accessKeyOf(request: IncomingMessage): string {
  return /Credential=([^/]+)\//.exec(request.headers.authorization ?? '')?.[1] ?? ''
}

const NAME = /^[\w+=,.@-]{2,64}$/
const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u

function problemOf(form: URLSearchParams): Failure | undefined {
  const invalid = (message: string) => ({ code: 'ValidationError', message, status: 400 })
  if (form.get('Action') !== 'AssumeRole' || form.get('Version') !== '2011-06-15') {
    return { code: 'InvalidAction', message: 'only AssumeRole', status: 400 }
  }
  const duration = Number(form.get('DurationSeconds') ?? 3600)
  if (duration < 900 || duration > 3600) {
    return invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role')
  }
  if (!NAME.test(form.get('RoleSessionName') ?? '')) return invalid('roleSessionName')
  if (!NAME.test(form.get('SourceIdentity') ?? '')) return invalid('sourceIdentity')
  const tags = Object.entries(tagsOf(form)).flat()
  if (tags.some((text) => !TAG.test(text) || text.length > 256)) return invalid('tags')
  const policy = form.get('Policy') ?? ''
  if (policy.length > 2048) {
    return { code: 'PackedPolicyTooLarge', message: 'Packed policy exceeds 100%', status: 400 }
  }
  return parses(policy) ? undefined : { code: 'MalformedPolicyDocument', message: '', status: 400 }
}

function parses(policy: string): boolean {
  try {
    return JSON.parse(policy).Version === '2012-10-17'
  } catch {
    return false
  }
}

function sessionOf(form: URLSearchParams, index: number): StandInSession {
  return {
    accessKeyId: `ASIASTANDIN${String(index).padStart(9, '0')}`,
    role: form.get('RoleArn') ?? '',
    name: form.get('RoleSessionName') ?? '',
    sourceIdentity: form.get('SourceIdentity') ?? '',
    policy: form.get('Policy') ?? '',
    tags: tagsOf(form),
    durationSeconds: Number(form.get('DurationSeconds') ?? 3600),
    externalId: form.get('ExternalId') ?? undefined,
    issuedAt: new Date(),
  }
}

function tagsOf(form: URLSearchParams): Record<string, string> {
  const tags: Record<string, string> = {}
  for (let index = 1; form.has(`Tags.member.${index}.Key`); index += 1) {
    const key = form.get(`Tags.member.${index}.Key`) ?? ''
    tags[key] = form.get(`Tags.member.${index}.Value`) ?? ''
  }
  return tags
}

function arnOf({ role, name }: StandInSession): string {
  const [, , , , account = '', path = ''] = role.split(':')
  return `arn:aws:sts::${account}:assumed-role/${path.split('/').at(-1) ?? ''}/${name}`
}

function identityOf(session: StandInSession): string {
  return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>${arnOf(session)}</Arn><UserId>AROASTANDIN:${session.name}</UserId><Account>${session.role.split(':')[4]}</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>stand-in-request</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
}

function assumed(session: StandInSession): string {
  const expiration = new Date(session.issuedAt.getTime() + session.durationSeconds * 1000)
  return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<Credentials><AccessKeyId>${session.accessKeyId}</AccessKeyId><SecretAccessKey>secret-${session.name}</SecretAccessKey>
<SessionToken>token-${session.name}</SessionToken><Expiration>${expiration.toISOString()}</Expiration></Credentials>
<AssumedRoleUser><AssumedRoleId>AROASTANDIN:${session.name}</AssumedRoleId>
<Arn>${arnOf(session)}</Arn></AssumedRoleUser>
<SourceIdentity>${session.sourceIdentity}</SourceIdentity><SessionTokenUtilization>37</SessionTokenUtilization><SessionTokenSize>1520</SessionTokenSize>
</AssumeRoleResult><ResponseMetadata><RequestId>stand-in-request</RequestId></ResponseMetadata></AssumeRoleResponse>`
}

function answerError(response: ServerResponse, { code, message, status }: Failure): void {
  const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>stand-in-request</RequestId></ErrorResponse>`
  answer(response, status, body)
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'text/xml',
    'x-amzn-requestid': 'stand-in-request',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}

/** What AWS would answer to a session of the stand-in, if the role itself allowed everything. */
export function answerTo(
  session: StandInSession,
  question: { readonly action: string; readonly resource: string; readonly at: Date },
): Verdict['answer'] {
  const [, , , , account = ''] = session.role.split(':')
  const everything: Policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  }
  const keys = {
    'aws:CurrentTime': question.at.toISOString(),
    'aws:RequestedRegion': 'eu-central-1',
    'aws:SourceIdentity': session.sourceIdentity,
    's3:ResourceAccount': account,
  }
  return evaluatePolicies(
    {
      ...question,
      principal: { account, role: session.role, session: arnOf(session) },
      context: new RequestContext(keys, { complete: true }),
    },
    { identity: [everything], session: [JSON.parse(session.policy)] },
  ).answer
}
