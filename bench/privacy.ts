import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { systemRandom } from '../src/clock.ts'
import { EXPORT_FORMATS } from '../src/config/exports.ts'
import { isOpening, seal } from '../src/ledger/commitment.ts'
import { redactAsk } from '../src/ledger/redaction/ask.ts'
import { redactText } from '../src/ledger/redaction/redaction.ts'
import { formatNamed } from '../src/publish/export/formats.ts'
import { allowed, id } from '../test/ledger/entries.ts'
import { eventOf } from '../test/publish/export/events.ts'
import { against, type Row, rowOf } from './row.ts'

/** What keeping secrets out, committing to values and exporting cost, an entry each. */
export async function bench(): Promise<readonly Row[]> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const token = Buffer.alloc(600, 'x')
  const signature = sign(null, token, privateKey)
  const verified = many('verify one Ed25519 signature', () => {
    verify(null, token, publicKey, signature)
  })
  const ask = {
    scope: 'backfill-order-totals',
    environment: 'staging',
    intent: 'Recompute totals of orders placed before the currency fix',
    parameters: { ticket: 'ORD-481' },
  }
  const prose = 'Recompute totals; see arn:aws:s3:::acme-exports/orders/ORD-481/*. '
  const long = prose.repeat(31).slice(0, 2000)
  const worst = 'ghs_1_'.repeat(333)
  const entry = allowed(id(7))
  const names = new Set(['intent', 'parameters.ticket', 'claims.team'])
  const { openings } = seal(entry, names, systemRandom)
  const event = eventOf(entry)
  const plain = many('JSON.stringify of an entry', () => void JSON.stringify(entry))
  const formats = EXPORT_FORMATS.map((name) => {
    const format = formatNamed(name, name === 'dsse' ? privateKey : undefined)
    return against(
      many(`export an entry as ${name}`, () => void format.line(event)),
      plain,
    )
  })
  return [
    verified,
    against(
      many('redact a request', () => void redactAsk(ask, [])),
      verified,
    ),
    against(
      many('redact an intent of 2,000 characters', () => void redactText(long, ['email'])),
      verified,
    ),
    against(
      many('redact the slowest text known', () => void redactText(worst)),
      verified,
    ),
    against(
      many('commit to three values', () => void seal(entry, names, systemRandom)),
      verified,
    ),
    against(
      many('check three openings', () => void openings.every(isOpening)),
      verified,
    ),
    plain,
    ...formats,
  ]
}

const COUNT = 5_000

function many(operation: string, run: () => void): Row {
  for (let index = 0; index < 500; index += 1) run()
  const durations: number[] = []
  const started = performance.now()
  for (let index = 0; index < COUNT; index += 1) {
    const before = performance.now()
    run()
    durations.push(performance.now() - before)
  }
  return rowOf(operation, durations, performance.now() - started)
}
