import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createClient, type Pending } from '../../src/client/client.ts'
import type { World } from '../api/world.ts'
import { approvalWorld, PURGE, say, show, tokenNow } from '../approval/world.ts'
import { testPostgres } from '../support/postgres.ts'

const postgres = testPostgres()

// At once, because each of them waits for the pace at which the broker lets clients poll.
describe.concurrent('a task that people must approve', () => {
  let here: World
  beforeAll(async () => {
    here = await approvalWorld(postgres)
  }, 60_000)
  afterAll(() => here?.close())

  const client = (dpop: boolean) =>
    createClient({ url: here.url, identity: () => tokenNow(here, 'agent'), dpop })

  async function word({ approval: id }: Pending, verdict: string) {
    const { body } = await show(here, 'ann', id)
    return await say(here, 'ann', { id, plan: String(body['plan']) }, { verdict })
  }

  test.each([
    ['as its identity', false],
    ['as its key', true],
  ])('starts once they did, whoever waits %s', async (what, dpop) => {
    const asked = Promise.withResolvers<Pending>()
    const started = client(dpop).start(
      { ...PURGE, intent: `Delete, asked ${what}.` },
      { onPending: asked.resolve },
    )
    const pending = await asked.promise
    expect(pending.bindingCode).toMatch(/^\S{4,}$/)
    expect(pending.expiresAt.getTime()).toBeGreaterThan(Date.now())
    expect((await word(pending, 'approve')).status).toBe(200)
    await using task = await started
    expect(await task.status()).toBe('live')
  })

  test('is refused when they deny it', async () => {
    const asked = Promise.withResolvers<Pending>()
    const started = client(false).start(PURGE, { onPending: asked.resolve })
    started.catch(() => undefined)
    expect((await word(await asked.promise, 'deny')).status).toBe(200)
    await expect(started).rejects.toMatchObject({ code: 'access_denied' })
  })
})

describe('waiting', () => {
  let server: Server | undefined
  afterEach(() => server?.close())

  interface Reply {
    readonly status?: number
    readonly error?: string
    readonly code?: string
  }

  /** A broker that defers, then answers polls like this. */
  async function deferring(...replies: Reply[]) {
    const forms: URLSearchParams[] = []
    let identities = 0
    server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      forms.push(new URLSearchParams(body))
      const deferral = {
        error: 'authorization_pending',
        deferral_code: 'dc_1',
        expires_in: 600,
        interval: 0,
        approval: { id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', binding_code: 'KLMN-4711' },
      }
      const { status = 400, ...rest } = replies[forms.length - 2] ?? {}
      const answer = forms.length === 1 ? deferral : { request: 'r', code: 'x', ...rest }
      response.writeHead(forms.length === 1 ? 400 : status).end(JSON.stringify(answer))
    })
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const url = `http://127.0.0.1:${port}`
    const identity = () => `token-${identities++}`
    return { client: createClient({ url, identity }), forms }
  }

  test('polls with the code and a fresh identity, and asks for nothing anew', async () => {
    const pending = { error: 'authorization_pending' }
    const { client, forms } = await deferring(pending, pending, { error: 'access_denied' })
    const started = client.start({ ...PURGE, callerClass: 'agent' })
    await expect(started).rejects.toMatchObject({ code: 'access_denied' })
    expect(forms[0]?.get('completion_mode')).toBe('deferred')
    expect(forms.slice(1).map((form) => [...form.keys()])).toEqual(
      Array.from({ length: 3 }, () => [
        'grant_type',
        'deferral_code',
        'client_assertion_type',
        'client_assertion',
        'caller_class',
      ]),
    )
    expect(forms.slice(1).map((form) => form.get('client_assertion'))).toEqual([
      'token-1',
      'token-2',
      'token-3',
    ])
  })

  test('goes on when the broker is busy for a moment', async () => {
    const { client, forms } = await deferring({ status: 503 }, { error: 'expired_token' })
    await expect(client.start(PURGE)).rejects.toMatchObject({ code: 'access_denied' })
    expect(forms).toHaveLength(3)
  })

  test('ends with what it is told to end with', async () => {
    const { client } = await deferring()
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const onPending = () => controller.abort(reason)
    await expect(client.start(PURGE, { signal: controller.signal, onPending })).rejects.toBe(reason)
  })
})
