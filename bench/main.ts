import type { Row } from './row.ts'

/** Each part measures its own operations beside its own baselines, in one process and one run. */
const PARTS: Readonly<Record<string, () => Promise<{ bench: () => Promise<readonly Row[]> }>>> = {
  decide: () => import('./decide.ts'),
  token: () => import('./token.ts'),
  burst: () => import('./burst.ts'),
  'postgres-mint': () => import('./postgres-mint.ts'),
  ledger: () => import('./ledger.ts'),
  receipt: () => import('./receipt.ts'),
  verify: () => import('./verify.ts'),
  privacy: () => import('./privacy.ts'),
  identity: () => import('./identity.ts'),
  'aws-compile': () => import('./aws-compile.ts'),
  'aws-mint': () => import('./aws-mint.ts'),
  vault: () => import('./vault.ts'),
  console: () => import('./console.ts'),
  cli: () => import('./cli.ts'),
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !Object.hasOwn(PARTS, name))
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`)
  process.exit(2)
}

console.log(
  'times in ms; ratio p50: this/baseline, lower is better; ratio rate: higher is better\n',
)
printHead()
for (const [name, load] of Object.entries(PARTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const { bench } = await load()
  for (const row of await bench()) print(row)
}

function printHead(): void {
  const head = ['count', 'rate/s', 'mean', 'p50', 'p95', 'p99', 'ratio']
  console.log(
    `${'operation'.padEnd(58)}${head.map((text) => text.padStart(10)).join('')}  baseline`,
  )
}

function print(row: Row): void {
  const numbers = [row.mean, row.p50, row.p95, row.p99].map((value) => value.toFixed(3))
  const ratio =
    row.ratio === undefined ? '' : `${row.ratio.toFixed(2)}${row.ratioOf === 'rate' ? '×' : ''}`
  const cells = [String(row.count), row.rate.toFixed(0), ...numbers, ratio]
  const baseline = row.baseline === undefined ? '' : `${row.ratioOf} of ${row.baseline}`
  console.log(
    `${row.operation.padEnd(58)}${cells.map((text) => text.padStart(10)).join('')}  ${baseline}`,
  )
}
