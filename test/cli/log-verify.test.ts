import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fetchCredential, requestGrant } from '../../src/cli/broker/grant.ts'
import { Resumption } from '../../src/cli/log/resume.ts'
import { reviewedScopes } from '../../src/cli/log/reviewed-scopes.ts'
import { logVerifyOutput } from '../../src/cli/output/log.ts'
import { parsePolicy } from '../../src/ledger/policy.ts'
import { History } from '../../src/ledger/verify/history.ts'
import { fileAnchor } from '../../src/publish/anchor-file.ts'
import { requireCatalog } from '../../src/scope/catalog.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
let broker: TestBroker
let home = ''
let key: string[] = []
let grant = ''

beforeAll(async () => {
  broker = await testBroker(postgres, {
    configure: (config) => ({
      ...config,
      anchors: { kept: { file: { path: `${config.state}/anchor.jsonl` }, every: 1 } },
    }),
    publishEveryMs: 20,
  })
  home = await mkdtemp(join(tmpdir(), 'credctl-verify-'))
  key = ['--key', broker.running.vkey]
  const token = await broker.issuers.agent({ sub: 'agent-7', team: 'orders' })
  const task = {
    scope: 'backfill-order-totals',
    environment: 'staging',
    intent: 'totals of may',
    parameters: { ticket: 'ORD-1' },
  }
  const held = await requestGrant(broker.url, token, task)
  grant = held.id
  await fetchCredential(broker.url, held.token, 'orders-db')
  await requestGrant(broker.url, token, { ...task, environment: 'prod' }).catch(() => undefined)
  await git('init', '--quiet', '--initial-branch=main', 'reviewed')
  await cp('task-scopes', join(home, 'reviewed/scopes'), { recursive: true })
  await commit('the scopes as they are')
})
afterAll(async () => {
  await broker?.close()
  await rm(home, { recursive: true, force: true })
})

async function git(...args: string[]) {
  const name = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgSign=false']
  return await promisify(execFile)('git', [...name, ...args], { cwd: home })
}
async function commit(message: string) {
  await git('-C', 'reviewed', 'add', '--all')
  await git('-C', 'reviewed', 'commit', '--quiet', '-m', message)
}

async function verify(...argv: string[]) {
  const command = ['log', 'verify', ...argv, ...key, '--output', 'json']
  const { status, stdout, stderr } = await runCredctl(command, {
    cwd: home,
    env: { CREDCTL_BROKER: broker.url },
  })
  const output = stdout.includes('"error"') ? undefined : logVerifyOutput.parse(JSON.parse(stdout))
  return { status, output, stderr, stdout }
}
const anchorFile = () => join(broker.config.state, 'anchor.jsonl')

describe('credctl log verify with anchors', () => {
  test('says what they exclude', async () => {
    const { output, stderr } = await verify('--anchor', `file:${anchorFile()}`)
    expect(output, stderr).toMatchObject({ ok: true })
    expect(output?.anchors.map(({ unusable }) => unusable)).toEqual([0])
    expect(output?.anchors[0]?.used).toBeGreaterThan(0)
    const forked = output?.exclusions.find(({ attack }) => attack === 'forked_history')
    expect(forked).toMatchObject({ excluded: true, from: 0 })
    expect(forked?.by.join()).toContain('anchor file:')
  })

  test('finds that a log lost what they hold', async () => {
    const lost = join(home, 'lost.jsonl')
    await cp(anchorFile(), lost)
    await runCredctl(['log', 'export', '--to', 'older', '--broker', broker.url], { cwd: home })
    const token = await broker.issuers.agent({ sub: 'agent-8', team: 'orders' })
    const task = { scope: 'nothing', environment: 'staging', intent: 'x', parameters: {} }
    await requestGrant(broker.url, token, task).catch(() => undefined)
    const note = await (await fetch(`${broker.url}/log/checkpoint`)).text()
    await fileAnchor(lost).put({ origin: '', size: 0, root: Buffer.alloc(0), note })
    const { status, output } = await verify('older', '--anchor', `file:${lost}`)
    expect(status).toBe(1)
    expect(output?.findings.map(({ code }) => code)).toEqual(['log_shrunk'])
    expect(output?.findings[0]?.message).toContain('(anchor file:')
    expect(output?.exclusions.every(({ excluded }) => !excluded)).toBe(true)
  })

  test('counts what proves nothing', async () => {
    const junk = join(home, 'junk.jsonl')
    await writeFile(junk, 'hello\n{"checkpoint":"hello"}\n')
    const { output } = await verify('--anchor', `file:${junk}`)
    expect(output?.anchors).toEqual([{ name: `file:${junk}`, used: 0, unusable: 2 }])
  })

  test.each([
    ['an anchor that is not there', ['--anchor', 'file:/nowhere/x'], 1, 'cannot be read'],
    ['an anchor of no kind', ['--anchor', 'ftp://x'], 2, 'is not an anchor'],
    ['a bucket without a region', ['--anchor', 's3://bucket/x/'], 2, 'is not an anchor'],
    ['a policy that is not there', ['--policy', 'nowhere'], 2, 'cannot be read'],
    ['a configuration that is not there', ['--config', 'nowhere'], 1, 'configuration'],
    ['scopes that are not there', ['--scopes', 'nowhere'], 1, 'task scopes'],
    ['a revision that is none', ['--scopes', 'nothing:scopes'], 2, 'is no revision'],
    ['a revision that is an option', ['--scopes', '--all:scopes'], 2, ''],
  ])('refuses %s', async (_what, argv, expected, message) => {
    const { status, stderr } = await verify(...argv)
    expect(stderr).toContain(message)
    expect(status).toBe(expected)
  })
})

describe('credctl log verify with a policy', () => {
  test('takes the key from it, and refuses a checkpoint without its quorum', async () => {
    const witness =
      'witness w witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU'
    await writeFile(join(home, 'none'), `log ${broker.running.vkey}\nquorum none\n`)
    await writeFile(join(home, 'one'), `log ${broker.running.vkey}\n${witness}\nquorum w\n`)
    const run = (file: string) =>
      runCredctl(['log', 'verify', '--policy', file, '--broker', broker.url], { cwd: home })
    const lax = await run('none')
    expect(lax.status, lax.stderr + lax.stdout).toBe(0)
    expect(lax.stdout).toMatch(/^not excluded +a forked history +needs a witness quorum/m)
    const strict = await run('one')
    expect(strict.status).toBe(1)
    expect(strict.stdout).toContain('quorum_missing: the checkpoint has not enough witnesses')
  })
})

describe('credctl log verify with the reviewed scopes', () => {
  const evidence = () => ['--scopes', join(home, 'reviewed/scopes'), '--config', broker.configFile]

  test('makes every decision again', async () => {
    const { output, stderr, stdout } = await verify(...evidence())
    expect(output, stderr + stdout).toMatchObject({ ok: true })
    expect(output?.review?.rechecked).toBeGreaterThanOrEqual(2)
  })

  test('knows them by any revision, also when the file is gone', async () => {
    await rm(join(home, 'reviewed/scopes/backfill-order-totals.yaml'))
    await commit('a scope is withdrawn')
    expect((await verify(...evidence())).output).toMatchObject({ ok: true })
    const none = await verify('--scopes', join(home, 'copied'))
    expect(none.status).toBe(1)
  })

  test('finds a scope that no revision holds', async () => {
    await mkdir(join(home, 'others'))
    const text = await readFile('task-scopes/backfill-order-totals.yaml', 'utf8')
    await writeFile(
      join(home, 'others/backfill-order-totals.yaml'),
      text.replace('ttl: 15m', 'ttl: 14m'),
    )
    const { status, output } = await verify('--scopes', join(home, 'others'))
    expect(status).toBe(1)
    expect(new Set(output?.findings.map(({ code }) => code))).toEqual(new Set(['scope_unreviewed']))
  })
})

describe('reviewed scopes', () => {
  test('are those of the history, in its folder alone, and not what only lies there', async () => {
    const scopes = join(home, 'reviewed/scopes')
    const before = await reviewedScopes(scopes, process.env)
    await mkdir(join(scopes, 'drafts'))
    const text = await readFile('task-scopes/backfill-order-totals.yaml', 'utf8')
    const draft = text.replace('ttl: 15m', 'ttl: 13m')
    await writeFile(join(scopes, 'drafts/backfill-order-totals.yaml'), draft)
    await writeFile(join(scopes, 'notes.yaml'), 'just: notes\n')
    await commit('drafts')
    await writeFile(join(scopes, 'backfill-order-totals.yaml'), draft)
    expect([...(await reviewedScopes(scopes, process.env)).keys()]).toEqual([...before.keys()])
    const today = await requireCatalog('task-scopes')
    for (const { digest } of today.scopes.values()) expect(before.has(digest)).toBe(true)
  })

  test('are none where a repository never had them', async () => {
    const draft = join(home, 'reviewed/unreviewed')
    await mkdir(draft)
    await cp('task-scopes/backfill-order-totals.yaml', join(draft, 'backfill-order-totals.yaml'))
    const scopes = reviewedScopes(draft, process.env)
    await expect(scopes).rejects.toMatchObject({ code: 'scopes_invalid' })
    const blind = reviewedScopes(join(home, 'reviewed/scopes'), { PATH: '/nowhere' })
    await expect(blind).rejects.toThrow()
    await rm(draft, { recursive: true })
  })

  test('come in on a branch that was merged', async () => {
    const text = await readFile('task-scopes/backfill-order-totals.yaml', 'utf8')
    await git('-C', 'reviewed', 'checkout', '--quiet', '--force', '-b', 'side', 'main~1')
    await writeFile(
      join(home, 'reviewed/scopes/backfill-order-totals.yaml'),
      text.replace('ttl: 15m', 'ttl: 12m'),
    )
    await commit('on the side')
    await git('-C', 'reviewed', 'checkout', '--quiet', 'main')
    const before = await reviewedScopes(join(home, 'reviewed/scopes'), process.env)
    await git('-C', 'reviewed', 'merge', '--quiet', '-X', 'ours', '-m', 'merged', 'side').catch(
      () => git('-C', 'reviewed', 'commit', '-qam', 'merged'),
    )
    const after = await reviewedScopes(join(home, 'reviewed/scopes'), process.env)
    expect(after.size).toBe(before.size + 1)
  })
})

describe('an interrupted verification', () => {
  const env = () => ({ HOME: home, XDG_STATE_HOME: join(home, 'state') })
  const progress = {
    head: { size: 300, root: Buffer.alloc(32).toString('base64') },
    size: 256,
    partial: ['', Buffer.alloc(32, 1).toString('base64')],
    differences: [],
    findings: [],
    keys: [],
    history: new History().save(),
  }

  test('is kept for this user alone, and taken up only for the same question', async () => {
    const kept = new Resumption(['log', 'key'], env())
    await kept.save(progress)
    expect((await new Resumption(['log', 'key'], env()).load())?.progress).toEqual(progress)
    expect(await new Resumption(['log', 'other key'], env()).load()).toBeUndefined()
    const directory = join(home, 'state/credctl/logs')
    for (const name of await readdir(directory)) {
      expect((await stat(join(directory, name))).mode & 0o077, name).toBe(0)
    }
  })

  test.each<[string, (text: string) => string]>([
    ['tampered with', (text) => text.replace('\\"size\\":256', '\\"size\\":512')],
    ['cut', (text) => text.slice(0, 100)],
    ['empty', () => ''],
    ['of another shape', () => '{"mac":"","body":"{}"}'],
  ])('that was %s is as if it were not there', async (_what, change) => {
    const kept = new Resumption(['log', 'key'], env())
    await kept.save(progress)
    const directory = join(home, 'state/credctl/logs')
    const [name = ''] = (await readdir(directory)).filter((each) => each.endsWith('.progress'))
    const text = await readFile(join(directory, name), 'utf8')
    expect(change(text)).not.toBe(text)
    await writeFile(join(directory, name), change(text))
    expect(await kept.load()).toBeUndefined()
  })

  test('from another machine is as if it were not there', async () => {
    await new Resumption(['log', 'key'], env()).save(progress)
    const there = join(home, 'there/credctl/logs')
    await cp(join(home, 'state/credctl/logs'), there, { recursive: true })
    await rm(join(there, 'progress.key'))
    const elsewhere = { ...env(), XDG_STATE_HOME: join(home, 'there') }
    expect(await new Resumption(['log', 'key'], elsewhere).load()).toBeUndefined()
  })

  test('that is not there is said, and the log verified from its start', async () => {
    const { status, stderr } = await verify('--resume')
    expect(status).toBe(0)
    expect(stderr).toContain('nothing to go on from')
  })
})

describe('credctl log policy', () => {
  test('prints what readers can verify with', async () => {
    const text = await readFile(broker.configFile, 'utf8')
    const witnesses = {
      known: {
        first: {
          url: 'https://witness.example/',
          key: 'witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU',
        },
      },
      groups: { outside: { of: ['first'], need: 'all' } },
      quorum: 'outside',
    }
    const file = join(home, 'witnessed.yaml')
    await writeFile(file, JSON.stringify({ ...JSON.parse(text), witnesses }))
    const { status, stdout, stderr } = await runCredctl(['log', 'policy', '--config', file], {
      cwd: home,
    })
    expect(status, stderr).toBe(0)
    expect(stdout.split('\n')).toEqual([
      `log ${broker.running.vkey} ${broker.url}/log`,
      `witness first ${witnesses.known.first.key} https://witness.example/`,
      'group outside 1 first',
      'quorum outside',
      '',
    ])
    expect(parsePolicy(stdout).quorum).toBe('outside')
  })
})

describe('credctl log verify-receipt with a policy', () => {
  test('believes no receipt without its quorum', async () => {
    const token = await broker.issuers.agent({ sub: 'agent-7', team: 'orders' })
    const identity = join(home, 'identity')
    await writeFile(identity, token)
    const env = { CREDCTL_BROKER: broker.url, CREDCTL_IDENTITY_TOKEN_FILE: identity }
    const saved = await runCredctl(['log', 'receipt', grant, '--output', 'json'], {
      cwd: home,
      env,
    })
    await writeFile(join(home, 'receipts.json'), saved.stdout)
    const run = (file: string) =>
      runCredctl(['log', 'verify-receipt', 'receipts.json', '--policy', file], { cwd: home })
    const lax = await run('none')
    expect(lax.status, lax.stderr).toBe(0)
    const strict = await run('one')
    expect(strict.status).toBe(1)
    expect(strict.stderr).toContain('has not enough witnesses; cosigned by nobody')
  })
})
