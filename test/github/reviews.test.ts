import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type GithubConfig, withReviewers } from '../../src/config/github.ts'
import { thresholds } from '../../src/scope/threshold.ts'
import type { World } from '../api/world.ts'
import { approvalWorld, askFor, chain, PURGE, SCOPES, withApprovers } from '../approval/world.ts'
import { testPostgres } from '../support/postgres.ts'
import {
  AUTHOR,
  answer,
  MERGE,
  pullRequest,
  REPOSITORY_ID,
  REVIEWER,
  review,
  user,
} from './answer.ts'

const RULES = thresholds.parse(
  parse(`
    - { name: deletes, when: { verbs: [delete] }, needs: [{ group: dba, count: 1 }] }
    - { name: dev, when: { verbs: [delete], environments: [dev] }, needs: [{ group: dba, count: 2 }] }
  `),
)

const postgres = testPostgres()
let here: World
let server: Server
let api = ''
let github: {
  status: number
  body: string
  /** Ends the connection after the body, which is then not all that was announced. */
  breaksOff?: boolean
  asked: { authorization?: string; body: string }[]
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { authorization = '' } = request.headers
    github.asked.push({ authorization, body: Buffer.concat(chunks).toString() })
    response.writeHead(github.status, {
      location: 'http://127.0.0.1:1/',
      ...(github.breaksOff ? { 'content-length': github.body.length + 1 } : {}),
    })
    if (github.breaksOff) response.write(github.body, () => response.destroy())
    else response.end(github.body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  here = await approvalWorld(
    postgres,
    {},
    {
      scopes: SCOPES,
      env: { ...process.env, GITHUB_READER: 'ghs_canary' },
      configure: (config) => {
        const ours = withApprovers(config)
        const members = [{ issuer: 'github-reviews', claims: { user: String(REVIEWER) } }]
        const github: GithubConfig = {
          issuer: 'github',
          api,
          token: 'env:GITHUB_READER',
          people: {
            [String(REVIEWER)]: 'reviewer@example.com',
            '4004': 'owner@example.com',
            '5005': 'other@example.com',
          },
        }
        const dba = {
          members: [...members, { issuer: 'github-reviews', claims: { user: '4004' } }],
        }
        const approvals = { ...ours.approvals, thresholds: RULES, groups: { dba } }
        return { ...ours, github, approvals: withReviewers(approvals, github) }
      },
    },
  )
}, 60_000)
afterAll(async () => {
  await here?.close()
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  github = { status: 200, body: JSON.stringify(answer([pullRequest()])), asked: [] }
})

const CLAIMS = {
  repository: 'acme/orders',
  repository_id: REPOSITORY_ID,
  sha: MERGE,
  actor_id: '3003',
}

let times = 0
async function ask(claims: object = {}, who = 'ci') {
  times += 1
  const task = { ...PURGE, intent: `Purge ${times}.` }
  const sent = await askFor(here, { who, task, deferred: false, claims: { ...CLAIMS, ...claims } })
  return { ...sent, error: sent.body['error'] }
}

describe('a job that runs what was reviewed', () => {
  test('needs nobody else, and the log says which review it was', async () => {
    const granted = await ask()
    expect(granted.status, granted.text).toBe(200)
    expect(github.asked[0]?.authorization).toBe('Bearer ghs_canary')
    expect(JSON.parse(github.asked[0]?.body ?? '').variables).toEqual({
      owner: 'acme',
      name: 'orders',
      oid: MERGE,
    })
    const [details] = granted.body['authorization_details'] as { grant: string }[]
    expect(await chain(here, details?.grant ?? '')).toEqual([
      'grant.decided needs_approval',
      'approval.given approve',
      'grant.decided allow',
    ])
  })

  test.each([
    ['runs another commit', { sha: 'c'.repeat(40) }],
    ['is in another repository that has taken the name', { repository_id: '999' }],
    ['was started by the reviewer', { actor_id: String(REVIEWER) }],
    ['has a name that is a path', { repository: 'acme/orders/../x' }],
    ['does not say what it runs', { sha: undefined }],
  ])('waits when it %s', async (_what, claims) => {
    expect(await ask(claims)).toMatchObject({ status: 400, error: 'access_denied' })
  })

  test('waits when only somebody in no group approved', async () => {
    github.body = JSON.stringify(answer([pullRequest({}, [review({ author: user(5005) })])]))
    expect(await ask()).toMatchObject({ status: 400, error: 'access_denied' })
  })

  test('waits when the author approved', async () => {
    github.body = JSON.stringify(answer([pullRequest({}, [review({ author: user(AUTHOR) })])]))
    expect(await ask()).toMatchObject({ status: 400, error: 'access_denied' })
  })

  test('waits when the reviewer is the person who asks, under another name', async () => {
    github.body = JSON.stringify(answer([pullRequest({}, [review({ author: user(4004) })])]))
    expect(await ask({ actor_email: 'owner@example.com' })).toMatchObject({
      error: 'access_denied',
    })
    expect(await ask({ actor_email: 'other@example.com' })).toMatchObject({ status: 200 })
  })

  test.each([
    ['does not let us in', 401, '{"message":"Bad credentials"}'],
    ['is down', 503, '<html>'],
    ['sends us elsewhere', 302, ''],
    ['answers with errors', 200, '{"errors":[{"message":"x"}]}'],
    ['answers with no JSON', 200, 'yes'],
    ['answers without end', 200, `"${'x'.repeat(2 * 1024 * 1024)}"`],
  ])('waits while GitHub %s', async (_what, status, body) => {
    github = { status, body, asked: [] }
    expect(await ask()).toMatchObject({ status: 400, error: 'access_denied' })
    expect(github.asked).toHaveLength(1)
  })
})

describe('a request that waits for a second reviewer', () => {
  const wait = async (intent: string, claims: object = {}) => {
    const task = { ...PURGE, environment: 'dev', intent }
    const sent = await askFor(here, { who: 'ci', task, claims: { ...CLAIMS, ...claims } })
    return { status: sent.status, id: (sent.body['approval'] as { id: string })?.id }
  }
  const reviewedBy = (reviewer: number, sha: string) => {
    const reviews = [review({ author: user(reviewer) })]
    const merged = pullRequest({ mergeCommit: { oid: sha } }, reviews)
    github.body = JSON.stringify(answer([merged]))
  }
  const other = 'd'.repeat(40)

  test('gets it when both looked at the same commit', async () => {
    const first = await wait('One commit.')
    expect(first.status).toBe(400)
    reviewedBy(4004, MERGE)
    expect((await wait('One commit.')).status).toBe(200)
  })

  test('is another request for another commit', async () => {
    const first = await wait('Two commits.')
    reviewedBy(4004, other)
    const second = await wait('Two commits.', { sha: other })
    expect(second.status).toBe(400)
    expect(second.id).not.toBe(first.id)
  })

  test('is another request when somebody else started the job', async () => {
    const first = await wait('Two people.')
    reviewedBy(4004, MERGE)
    const second = await wait('Two people.', { actor_id: String(REVIEWER) })
    expect(second.status).toBe(400)
    expect(second.id).not.toBe(first.id)
  })
})

test('a job waits while GitHub breaks off in the middle of its answer', async () => {
  github.breaksOff = true
  expect(await ask()).toMatchObject({ status: 400, error: 'access_denied' })
})

test('nobody asks GitHub about a caller of another issuer', async () => {
  await ask({}, 'agent')
  expect(github.asked).toEqual([])
})
