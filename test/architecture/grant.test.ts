import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT } from './source.ts'

const IMPORTS = `
import { decide, isDecided, type Grant } from '${ROOT}/src/decision/decide.ts'
import { mintCredential, type Mint } from '${ROOT}/src/mint/mint.ts'
import type { Handle } from '${ROOT}/src/ledger/entry.ts'
declare const mint: Mint, handle: Handle, honest: Grant
`

/** Ways to a grant without a decision, and the error that the compiler has for each. */
const FORGERIES = {
  literal: {
    error: 'TS2741',
    text: `const forged: Grant = { id: 'x', caller: honest.caller, scopeDigest: honest.scopeDigest,
      plan: honest.plan, intent: 'x', issuedAt: new Date(), expiresAt: new Date() }`,
  },
  spread: {
    error: 'TS2741',
    text: 'const forged: Grant = { ...honest, expiresAt: new Date(Date.now() + 1e9) }',
  },
  assigned: { error: 'TS2741', text: 'const forged: Grant = Object.assign({}, { ...honest })' },
  lookalike: {
    error: 'TS2322',
    text: `class Mine { readonly #decided = true; readonly id = 'x'; readonly caller = honest.caller
      readonly scopeDigest = honest.scopeDigest; readonly plan = honest.plan; readonly intent = 'x'
      readonly issuedAt = new Date(); readonly expiresAt = new Date() }
      const forged: Grant = new Mine()`,
  },
  imported: {
    error: 'TS2459',
    text: `import { AllowedGrant } from '${ROOT}/src/decision/decide.ts'`,
  },
  prolonged: { error: 'TS2540', text: 'honest.expiresAt = new Date(Date.now() + 1e9)' },
  minted: { error: 'TS2741', text: "mintCredential(mint, { ...honest }, 'db', handle)" },
  denied: {
    error: 'TS2339',
    text: `declare const request: Parameters<typeof decide>[0]
      mintCredential(mint, decide(request).grant, 'db', handle)`,
  },
}

/** The same way with a decision: without this, any error at all would look like a defence. */
const HONEST = `declare const request: Parameters<typeof decide>[0]
  const decision = decide(request)
  if (decision.outcome === 'allow') void mintCredential(mint, decision.grant, 'db', handle)
  void isDecided`

let directory: string
let output: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credctl-forgery-'))
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  const snippets = Object.entries({ ...FORGERIES, honest: { text: HONEST } })
  for (const [name, { text }] of snippets) {
    await writeFile(join(directory, `${name}.ts`), `${IMPORTS}${text}\nexport {}\n`)
  }
  const config = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: { noUnusedLocals: false, rewriteRelativeImportExtensions: false },
    include: ['*.ts'],
  }
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(config))
  await writeFile(join(directory, 'package.json'), JSON.stringify({ type: 'module' }))
  output = await compile(directory)
}, 60_000)

afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

async function compile(cwd: string): Promise<string> {
  const tsc = join(ROOT, 'node_modules/typescript/lib/tsc.js')
  return await promisify(execFile)(process.execPath, [tsc, '--pretty', 'false'], { cwd }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  )
}

test('a grant that decide made is accepted by the compiler', () => {
  expect(output).not.toMatch(/^honest\.ts/m)
})

test.each(Object.entries(FORGERIES))('a %s grant does not compile', (name, { error }) => {
  const errors = output.split('\n').filter((line) => line.startsWith(`${name}.ts(`))
  expect(errors).toEqual([expect.stringContaining(` error ${error}: `)])
})
