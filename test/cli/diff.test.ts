import { execFileSync } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scopeDiffOutput } from '../../src/cli/output/scope.ts'
import { runCredctl } from './session.ts'

let home = ''

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'credctl-diff-test-'))
  await cp('task-scopes', join(home, 'task-scopes'), { recursive: true })
  await cp('credctl.example.yaml', join(home, 'credctl.example.yaml'))
  git('init', '-q', '-b', 'main')
  git('add', '.')
  git('-c', 'user.name=test', '-c', 'user.email=test@example.com', 'commit', '-q', '-m', 'scopes')
})
afterAll(async () => await rm(home, { recursive: true, force: true }))

function git(...argv: readonly string[]): void {
  execFileSync('git', argv, { cwd: home, env: { PATH: process.env['PATH'], HOME: home } })
}

async function edit(file: string, from: string, to: string): Promise<void> {
  const path = join(home, 'task-scopes', file)
  const text = await readFile(path, 'utf8')
  expect(text).toContain(from)
  await writeFile(path, text.replace(from, to))
}

async function changes(base: string, ...argv: readonly string[]) {
  const all = ['scope', 'diff', base, '--output', 'json', ...argv]
  const { status, stdout, stderr } = await runCredctl(all, { cwd: home, env: { TMPDIR: home } })
  expect(status, stderr).toBe(0)
  return scopeDiffOutput.parse(JSON.parse(stdout)).changes
}

describe('credctl scope diff', () => {
  test('sees nothing in another layout, and what is compiled in another word', async () => {
    expect(await changes('HEAD')).toEqual([])
    await edit('fix-failing-migration.yaml', '# to see the rows that the migration trips over', '')
    expect(await changes('HEAD')).toEqual([])

    await edit(
      'fix-failing-migration.yaml',
      'public.users: [select]',
      'public.users: [select, insert]',
    )
    await edit('fix-failing-migration.yaml', 'ttl: 10m', 'ttl: 600s')
    await edit('fix-failing-migration.yaml', 'team: platform', 'team: anybody')
    expect(await changes('HEAD')).toEqual([
      {
        scope: 'fix-failing-migration',
        status: 'changed',
        gained: [
          'taken by agent of agents with team=anybody',
          'dev: insert on table public.users (orders-db)',
          'staging: insert on table public.users (orders-db)',
        ],
        lost: ['taken by agent of agents with team=platform'],
      },
    ])
  })

  test('shows a window and a rule that a scope gives up', async () => {
    const name = 'backfill-order-totals.yaml'
    await cp(join(home, 'task-scopes'), join(home, 'strict'), { recursive: true })
    const path = join(home, 'strict', name)
    const rule =
      'thresholds: [{ name: writes, when: { verbs: [update] }, needs: [{ group: dba, count: 1 }] }]'
    const strict = `${await readFile(path, 'utf8')}\nwindows: [nights]\n${rule}\n`
    await writeFile(path, strict)
    const found = (await changes('strict')).find(({ scope }) => `${scope}.yaml` === name)
    expect(found?.lost).toContain('only in window nights')
    expect(found?.lost.join()).toContain('rule {"name":"writes"')
    await rm(join(home, 'strict'), { recursive: true })
  })

  test('names scopes that came and went, also between directories', async () => {
    await cp(join(home, 'task-scopes'), join(home, 'before'), { recursive: true })
    await rm(join(home, 'task-scopes/deploy-web.yaml'))
    const found = await changes('before')
    expect(found.map(({ scope, status }) => [scope, status])).toEqual([['deploy-web', 'removed']])
    expect(found[0]?.lost).toContain('prod: s3:DeleteObject on arn:aws:s3:::acme-web-prod/* (web)')
    expect((await changes('task-scopes', '--scopes', 'before'))[0]?.status).toBe('added')
  })

  test.each(['nowhere', '--output=x', 'HEAD:task-scopes', ''])(
    'refuses %j as a base, and leaves no file',
    async (base) => {
      const { status, stdout } = await runCredctl(['scope', 'diff', '--', base], {
        cwd: home,
        env: { TMPDIR: home },
      })
      expect(status).toBe(2)
      expect(stdout).toBe('')
      expect((await readdir(home)).filter((name) => name.startsWith('credctl-diff-'))).toEqual([])
    },
  )
})
