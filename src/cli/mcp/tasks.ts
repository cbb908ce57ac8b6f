import { randomUUID } from 'node:crypto'
import type { Pending } from '../../client/deferral.ts'
import {
  type GrantStatus,
  grantStatus,
  type Identity,
  type Revocation,
  requestGrant,
  type TaskRequest,
} from '../../client/grant.ts'
import { CredctlError } from '../../errors.ts'
import { connectionTo } from '../broker/grant.ts'
import { factsOf } from '../task/facts.ts'
import { HeldTask } from '../task/hold.ts'

/** What an agent may know of a task: handles and facts, never a secret. */
export type TaskView =
  | ({ readonly status: 'live'; readonly task: string; readonly run: string } & Record<
      string,
      unknown
    >)
  | {
      readonly status: 'pending'
      readonly task: string
      readonly expires_at: string
      /** For people to find and to tell it by. */
      readonly approval: string
      readonly binding_code: string
    }
  | {
      readonly status: 'ended' | 'expired'
      readonly task: string
      readonly revocations?: readonly Revocation[]
    }

interface Started {
  readonly request: TaskRequest
  readonly waiting: AbortController
  readonly held: Promise<HeldTask>
  /** What it waits for, once somebody has to approve it. */
  pending: Pending | undefined
  isSettled: boolean
}

interface Surroundings {
  readonly env: NodeJS.ProcessEnv
  readonly broker: string
  readonly identity: Identity
  readonly report: (problem: string) => void
}

const GIVEN_UP = new CredctlError('grant_ended', 'the agent gave the request up')

/** The tasks that an agent started here; all of them end with this process. */
export class Tasks {
  readonly #here: Surroundings
  readonly #started = new Map<string, Started>()

  constructor(here: Surroundings) {
    this.#here = here
  }

  /** Answers once it is granted, refused or waits for people. Errors: the broker's refusal. */
  async request(request: TaskRequest): Promise<TaskView> {
    const handle = `pending-${randomUUID()}`
    const asked = Promise.withResolvers<Pending>()
    const started = this.#start(request, asked.resolve)
    const first = await Promise.race([started.held, asked.promise])
    if (first instanceof HeldTask) return viewOf(request, first)
    started.pending = first
    this.#started.set(handle, started)
    return pendingView(handle, first)
  }

  /** Error: `grant_not_found`; what an approver refused. */
  async check(handle: string): Promise<TaskView> {
    const started = this.#find(handle)
    const { pending, request, isSettled } = started
    if (pending !== undefined && !isSettled) return pendingView(handle, pending)
    const task = await started.held
    const status = await this.#statusOf(task)
    return status === 'live' ? viewOf(request, task) : { status, task: task.grant.id }
  }

  /** Ends a task, or the wait for its approval. */
  async end(handle: string): Promise<TaskView> {
    const started = this.#find(handle)
    started.waiting.abort(GIVEN_UP)
    const task = await started.held.catch(() => undefined)
    if (task === undefined) return { status: 'ended', task: handle }
    return { status: 'ended', task: task.grant.id, revocations: await task.end() }
  }

  /** Whatever the broker says, nothing is served after this. */
  async endAll(): Promise<void> {
    const all = [...new Set(this.#started.values())]
    await Promise.all(
      all.map(async ({ waiting, held }) => {
        waiting.abort(GIVEN_UP)
        const task = await held.catch(() => undefined)
        await task?.end().catch(() => task.abandon())
      }),
    )
  }

  #start(request: TaskRequest, onPending: (pending: Pending) => void): Started {
    const { env, broker, identity, report } = this.#here
    const waiting = new AbortController()
    const wait = { onPending, signal: waiting.signal }
    const held = requestGrant(connectionTo(broker), identity, request, wait).then((grant) =>
      HeldTask.hold(env, broker, grant, report),
    )
    const started: Started = { request, waiting, held, pending: undefined, isSettled: false }
    held.then(
      ({ grant }) => {
        this.#started.set(grant.id, started)
        started.isSettled = true
      },
      // Whoever asks for the task hears of it; nobody may.
      () => {
        started.isSettled = true
      },
    )
    return started
  }

  #find(handle: string): Started {
    const found = this.#started.get(handle)
    if (found !== undefined) return found
    throw new CredctlError('grant_not_found', 'no task of this name was started here')
  }

  async #statusOf({ grant }: HeldTask): Promise<GrantStatus> {
    if (grant.expiresAt.getTime() <= Date.now()) return 'expired'
    return await grantStatus(connectionTo(this.#here.broker), grant.token, grant.id)
  }
}

function viewOf(request: TaskRequest, { grant }: HeldTask): TaskView {
  const run = `credctl exec --grant ${grant.id} -- COMMAND`
  return { status: 'live', task: grant.id, ...factsOf(request, grant), run }
}

function pendingView(task: string, { approval, bindingCode, expiresAt }: Pending): TaskView {
  const until = expiresAt.toISOString()
  return { status: 'pending', task, approval, binding_code: bindingCode, expires_at: until }
}
