import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { allows, canReach, parseAccounts } from '../../src/embedded/account.ts'

describe('the account of the server', () => {
  it('is read from passwd by name', () => {
    const accounts = parseAccounts('root:x:0:0::/root:/bin/sh\npostgres:x:101:104:a b,,,:/x:/y\n')
    expect(accounts.get('postgres')).toEqual({ uid: 101, gid: 104 })
  })

  it.each([
    ['an alias of root', 'postgres:x:0:0::/:/bin/sh'],
    ['a uid that is no number', 'postgres:x:1e3:104::/:/bin/sh'],
    ['a negative uid', 'postgres:x:-2:104::/:/bin/sh'],
    ['a cut line', 'postgres:x'],
  ])('is never %s', (_, line) => {
    expect(parseAccounts(line).get('postgres')).toBeUndefined()
  })
})

describe('reaching a path', () => {
  const nobody = { uid: 65_534, gid: 65_534 }

  it('needs every directory above it to be open', async () => {
    const root = await mkdtemp(join(tmpdir(), 'credctl-reach-'))
    onTestFinished(() => rm(root, { recursive: true }))
    await mkdir(join(root, 'open'))
    await chmod(root, 0o700)
    expect(await canReach(join(root, 'open', 'file'), nobody)).toBe(false)
    await chmod(root, 0o711)
    expect(await canReach(join(root, 'open', 'file'), nobody)).toBe(true)
  })

  it('reads the bits of exactly one class, as the kernel does', () => {
    expect(allows({ mode: 0o077, uid: 65_534, gid: 0 }, nobody, 0o1)).toBe(false)
    expect(allows({ mode: 0o707, uid: 0, gid: 65_534 }, nobody, 0o4)).toBe(false)
    expect(allows({ mode: 0o701, uid: 0, gid: 0 }, nobody, 0o1)).toBe(true)
  })
})
