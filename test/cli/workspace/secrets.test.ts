import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accountOfKey } from '../../../src/cli/workspace/aws-account.ts'
import { opens } from '../../../src/cli/workspace/opens.ts'
import { secretsIn } from '../../../src/cli/workspace/secrets.ts'

const NOW = new Date('2026-11-21T12:00:00Z')

// Put together here, so that nobody's scanner takes this file for a leak.
const PASSWORD = ['kX8', 'vpQ2', 'rT5'].join('-')
const KEY_ID = `AKIA${'QYLPMN5H'}${'ABCDEFGH'}`
const AWS_SECRET = 'wJalrXUtnFEMIK7MDENG/bPxRfiCYzzzzzzzzzzz'.replaceAll('z', 'k')
const GITHUB = `ghp_${'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'}`
const PEM = ['-----BEGIN', 'PRIVATE KEY-----\nMIIE\n-----END', 'PRIVATE KEY-----'].join(' ')
const jwt = (claims: object) =>
  [{ alg: 'RS256' }, claims].map((part) => base64url(JSON.stringify(part))).join('.') +
  `.${'s'.repeat(40)}`
const hole = (name: string) => `\${${name}}`
const base64url = (text: string) => Buffer.from(text).toString('base64url')

/** The file, what stands in it, and what is found: the text of each secret and its kind. */
const FOUND: readonly [path: string, text: string, ...found: readonly [string, string][]][] = [
  ['.env', `DB_PASSWORD=${PASSWORD}\n`, [PASSWORD, 'password']],
  ['.env.production', `export API_TOKEN="${PASSWORD}"\r\n`, [PASSWORD, 'token']],
  ['deploy/prod.env', `STRIPE_API_KEY='${PASSWORD}'`, [PASSWORD, 'secret']],
  ['.envrc', `export DATABASE_URL=postgres://app:${PASSWORD}@db/app`, [PASSWORD, 'url-password']],
  [
    '.aws/credentials',
    `[x]\naws_secret_access_key = ${AWS_SECRET}\n`,
    [AWS_SECRET, 'aws-secret-key'],
  ],
  ['.kube/config', `users:\n- user:\n    token: ${PASSWORD}\n`, [PASSWORD, 'token']],
  ['ci/kubeconfig.yaml', `    client-key-data: ${PASSWORD}`, [PASSWORD, 'secret']],
  ['.pgpass', `# mine\ndb:5432:app:me:a\\:${PASSWORD}\n`, [`a\\:${PASSWORD}`, 'password']],
  ['.netrc', `machine x login y password ${PASSWORD}`, [PASSWORD, 'password']],
  ['.npmrc', `//registry.example.com/:_authToken=${PASSWORD}`, [PASSWORD, 'token']],
  [
    '.docker/config.json',
    `{"auths":{"r":{"auth":"${base64url('me:pw12')}"}}}`,
    [base64url('me:pw12'), 'token'],
  ],
  ['.vault-token', `hvx.${PASSWORD}\n`, [`hvx.${PASSWORD}`, 'vault-token']],
  ['.m2/settings.xml', `<password>${PASSWORD}</password>`, [PASSWORD, 'password']],
  ['.git/config', `url = https://me:${PASSWORD}@git.example.com/r`, [PASSWORD, 'url-password']],
  ['.pypirc', `[pypi]\npassword = ${PASSWORD}`, [PASSWORD, 'password']],
  ['.pg_service.conf', `[a]\ndbname=app\npassword=${PASSWORD}`, [PASSWORD, 'password']],
  ['notes.md', `use ${GITHUB} for now`, [GITHUB, 'github']],
  ['src/main.ts', `const key = '${PEM}'`, [PEM, 'private-key']],
  ['token.txt', jwt({ sub: 'robot' }), [jwt({ sub: 'robot' }), 'jwt']],
  [
    '.env',
    `A_SECRET=${PASSWORD}\nB_SECRET=${PASSWORD}`,
    [PASSWORD, 'secret'],
    [PASSWORD, 'secret'],
  ],
]

const NOTHING: readonly [path: string, text: string][] = [
  ['.env', 'DB_PASSWORD=\nAPI_KEY=""\n'],
  [
    '.env',
    [`PASSWORD=${hole('FROM_VAULT')}`, 'TOKEN=$TOKEN', 'SECRET=<yours>', 'KEY={{ x }}'].join('\n'),
  ],
  ['.env.example', 'DB_PASSWORD=changeme\nAPI_KEY=your-key-here\nTOKEN=xxxxxxxx\n'],
  ['.env', 'PASSWORD_FILE=/run/secrets/db\nTOKEN_TTL=3600\nAWS_ACCESS_KEY_ID_NAME=x1y2z3a4\n'],
  ['credctl.yaml', 'admin: { user: broker, password: env:CREDCTL_ORDERS_PASSWORD }'],
  ['src/login.ts', `const password = request.body.password ?? defaults.password2`],
  ['notes.md', 'the password: see the vault; token = whatever9 you like'],
  ['.npmrc', `//registry.npmjs.org/:_authToken=${hole('NPM_TOKEN')}\nsave-exact=true\n`],
  ['.pgpass', '# host:port:database:user:password\n'],
  ['old.txt', jwt({ exp: NOW.getTime() / 1000 - 60 })],
  ['.netrc', 'machine x login y'],
  ['README.md', `postgres://user:${hole('PASSWORD')}@host/db`],
]

const textsOf = (path: string, text: string) =>
  secretsIn(path, text, NOW).map(({ start, end, type }) => [text.slice(start, end), type])

describe('in a file', () => {
  test.each(FOUND)('%s: a secret is found once, where it stands', (path, text, ...found) => {
    expect(textsOf(path, text)).toEqual(found)
    const [name = '', type = ''] = path.split(/(?=\/)/)
    expect(textsOf(`${name}${type}`.replaceAll('/', '\\'), text)).toEqual(found)
  })

  test.each(NOTHING)('%s: what is not a secret is left alone', (path, text) => {
    expect(textsOf(path, text)).toEqual([])
  })

  test('text of any kind is looked through in time that grows with its length', () => {
    const hostile = ['a', ' ', ':', '=', '"', '\\', '://', '-----BEGIN ', 'password', 'eyJ', '\n']
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...hostile), { maxLength: 2000 }), (parts) => {
        const text = parts.join('')
        for (const path of ['.env', '.pgpass', '.netrc', 'a.json']) {
          for (const { start, end } of secretsIn(path, text, NOW)) {
            expect(start).toBeLessThan(end)
            expect(end).toBeLessThanOrEqual(text.length)
          }
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('what a secret opens', () => {
  const opened = (path: string, text: string) => {
    const [first] = secretsIn(path, text, NOW)
    return first && opens(path, text, first)
  }
  const at = (host: string, port: number, database: string) => ({
    kind: 'postgres',
    host,
    port,
    database,
  })

  test.each([
    [
      '.env',
      `URL=postgresql://me:${PASSWORD}@DB.example:5433/orders?x=1`,
      at('db.example', 5433, 'orders'),
    ],
    ['.pgpass', `db:5432:or\\:ders:me:${PASSWORD}`, at('db', 5432, 'or:ders')],
    ['.pgpass', `*:*:*:me:${PASSWORD}`, { kind: 'postgres' }],
    ['.env', `PGHOST=db\nPGPORT=5432\nPGDATABASE=a\nPGPASSWORD=${PASSWORD}`, at('db', 5432, 'a')],
    ['.env', `POSTGRES_PASSWORD=${PASSWORD}\nPOSTGRES_DB=a`, { kind: 'postgres', database: 'a' }],
    ['.env', `ADMIN_PASSWORD=${PASSWORD}\nPGHOST=db`, { kind: 'other' }],
    ['a.md', `https://me:${PASSWORD}@example.com/`, { kind: 'other' }],
    [
      '.aws/credentials',
      `aws_access_key_id=${KEY_ID}\naws_secret_access_key=${AWS_SECRET}`,
      { kind: 'aws', account: accountOfKey(KEY_ID) },
    ],
  ] as const)('%s %#', (path, text, expected) => {
    expect(opened(path, text)).toEqual(expected)
  })

  test('an access key names its account, old ones none', () => {
    expect(accountOfKey('ASIAQNZGKIQY56JQ7WML')).toBe('029608264753')
    expect(accountOfKey(`AKIA${'IOSFODNN7EXAMPLE'}`)).toBeUndefined()
    expect(accountOfKey('nothing')).toBeUndefined()
  })
})
