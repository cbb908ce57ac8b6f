import type { Found } from '../../ledger/redaction/redaction.ts'
import { type Assignment, assignmentsIn } from './assignments.ts'
import { accountOfKey } from './aws-account.ts'

/** What a secret is for, as far as the text beside it tells. */
export type Opens =
  | { readonly kind: 'aws'; readonly account?: string }
  | {
      readonly kind: 'postgres'
      readonly host?: string
      readonly port?: number
      readonly database?: string
    }
  | { readonly kind: 'other' }

export function opens(path: string, text: string, { start, end, type }: Found): Opens {
  if (type.startsWith('aws-')) return awsAccount(text, start)
  const line = lineAround(text, start, end)
  if (type === 'url-password' || type.includes('connection'))
    return ofUrl(line, text.slice(start, end))
  if (type !== 'password') return { kind: 'other' }
  return /pgpass/.test(path) ? ofPgpass(line) : ofAssignments(text, start)
}

/** The account is in the key id itself; the nearest id before the secret, or the first in the file. */
function awsAccount(text: string, start: number): Opens {
  const ids = [...text.matchAll(/\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/g)]
  const nearest = ids.findLast(({ index }) => index <= start) ?? ids[0]
  const account = nearest === undefined ? undefined : accountOfKey(nearest[0])
  return account === undefined ? { kind: 'aws' } : { kind: 'aws', account }
}

function ofUrl(line: string, secret: string): Opens {
  const urls = line.match(/\bpostgres(?:ql)?:\/\/[^\s"'`<>]{1,2048}/gi) ?? []
  const url = urls.find((each) => each.includes(secret))
  if (url === undefined) return { kind: 'other' }
  if (!URL.canParse(url)) return { kind: 'postgres' }
  const { hostname, port, pathname } = new URL(url)
  return postgres(hostname, port, decode(pathname.slice(1)))
}

function ofPgpass(line: string): Opens {
  const [host = '', port = '', database = ''] = line
    .split(/(?<!\\):/)
    .map((field) => field.replaceAll(/\\(.)/g, '$1'))
  const known = (field: string) => (field === '*' ? '' : field)
  return postgres(known(host), known(port), known(database))
}

const POSTGRES = /^(?:PG|POSTGRES(?:QL)?_|DB_|DATABASE_)PASS(?:WORD|WD)?$/i

/** `PGPASSWORD` beside `PGHOST` and `PGDATABASE`, and what frameworks call them. */
function ofAssignments(text: string, start: number): Opens {
  const all = assignmentsIn(text)
  const own = all.find((each) => each.start === start)
  const isService = own?.name === 'password' && /^\s*dbname\s*=/m.test(text)
  if (own === undefined || !(POSTGRES.test(own.name) || isService)) return { kind: 'other' }
  const named = (names: RegExp) => nearest(all, start, names)?.value ?? ''
  return postgres(
    named(/^(?:PG|POSTGRES(?:QL)?_|DB_|DATABASE_)?HOST$/i),
    named(/^(?:PG|POSTGRES(?:QL)?_|DB_|DATABASE_)?PORT$/i),
    named(/^(?:PGDATABASE|POSTGRES(?:QL)?_DB|DB_(?:NAME|DATABASE)|DATABASE_NAME|dbname)$/i),
  )
}

function nearest(all: readonly Assignment[], start: number, name: RegExp): Assignment | undefined {
  const distance = (each: Assignment) => Math.abs(each.start - start)
  return all.filter((each) => name.test(each.name)).sort((a, b) => distance(a) - distance(b))[0]
}

function postgres(host: string, port: string, database: string): Opens {
  return {
    kind: 'postgres',
    ...(host === '' ? {} : { host: host.toLowerCase() }),
    ...(/^\d{1,5}$/.test(port) ? { port: Number(port) } : {}),
    ...(database === '' ? {} : { database }),
  }
}

function lineAround(text: string, start: number, end: number): string {
  const from = text.lastIndexOf('\n', start - 1) + 1
  const to = text.indexOf('\n', end)
  return text.slice(from, to < 0 ? undefined : to).slice(0, 16_384)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
