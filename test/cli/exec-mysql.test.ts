import { readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { deliverMysql } from '../../src/cli/exec/mysql.ts'
import {
  createPrivateDirectory,
  type PrivateDirectory,
} from '../../src/cli/exec/private-directory.ts'
import { JsonObject } from '../../src/client/json.ts'

const open: PrivateDirectory[] = []
afterEach(async () => {
  for (const directory of open.splice(0)) await directory.remove()
})

const LOGIN = {
  host: 'mysql.example.com',
  port: 3306,
  user: 'cbg01',
  password: 'aB3-xyz',
  ssl_mode: 'VERIFY_IDENTITY',
}

async function delivered(change: object = {}) {
  const directory = await createPrivateDirectory({ TMPDIR: tmpdir() })
  open.push(directory)
  const fetch = async () => new JsonObject({ ...LOGIN, ...change }, 'credential')
  return await deliverMysql(['shop-db'], fetch, directory)
}

describe('a MySQL login for a command', () => {
  test('is in an option file of its own that nobody else reads, named by a variable', async () => {
    const variables = await delivered()
    expect(Object.keys(variables)).toEqual(['CREDCTL_MYSQL_SHOP_DB'])
    const file = variables['CREDCTL_MYSQL_SHOP_DB'] ?? ''
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readFile(file, 'utf8')).toBe(`[client]
protocol=tcp
host="mysql.example.com"
port=3306
user="cbg01"
password="aB3-xyz"
loose-ssl-mode=VERIFY_IDENTITY
loose-ssl
loose-ssl-verify-server-cert
`)
  })

  test('verifies the server unless the broker says that there is no TLS', async () => {
    const { CREDCTL_MYSQL_SHOP_DB: file = '' } = await delivered({ ssl_mode: 'SOMETHING_NEW' })
    expect(await readFile(file, 'utf8')).toContain('loose-ssl-verify-server-cert')
    const { CREDCTL_MYSQL_SHOP_DB: plain = '' } = await delivered({ ssl_mode: 'DISABLED' })
    expect(await readFile(plain, 'utf8')).toContain('loose-ssl-mode=DISABLED\nloose-skip-ssl\n')
  })

  test.each([
    ['a line break', { password: 'x\ninit-command=DROP' }],
    ['a quote', { user: 'x" init-command="y' }],
    ['a backslash', { host: 'x\\n' }],
  ])('with %s is refused', async (_what, change) => {
    await expect(delivered(change)).rejects.toMatchObject({ code: 'unavailable' })
  })
})
