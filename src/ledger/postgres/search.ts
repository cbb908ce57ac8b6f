import type pg from 'pg'
import {
  type EntryFilter,
  type EntrySearch,
  type FoundEntries,
  type FoundEntry,
  fits,
  type SearchPage,
} from '../search.ts'
import { unavailable } from './connection.ts'
import { parseEntry } from './state.ts'

/*
 * Entries have two indexes, by place and by grant, and get no more: every index would be paid for
 * by each append. A moment is found by bisection, because entries stand in the order of their
 * times; everything else is looked for from the newest entry backwards, as long as the caller's
 * patience lasts.
 */

/** Entries looked at in one query: some milliseconds. */
const STRIDE = 2_048
/** Clocks of replicas differ, so times are in order only up to this. */
const SLACK_MS = 5 * 60_000
/** Later times are written with more digits. */
const LAST_MOMENT = Date.parse('9999-12-31T23:59:59.999Z')

interface Row {
  readonly index: string
  readonly body: Buffer
  readonly scope: string | null
  readonly environment: string | null
  readonly subject: string | null
}

/* A request that waited, or waits, has a grant's names before there is a grant, or without one. */
const ENTRY = `
SELECT e.index, e.body, coalesce(g.scope, a.scope) AS scope,
       coalesce(g.environment, a.environment) AS environment,
       coalesce(g.subject, a.subject) AS subject
  FROM credctl_ledger.entries e
  LEFT JOIN credctl_ledger.grants g ON g.id = e.grant_id
  LEFT JOIN credctl_ledger.approvals a ON a.id = e.grant_id`

/** Times are written alike, so they compare as text. One round trip, whatever the size. */
const BISECT = `
WITH RECURSIVE search(low, high) AS (
  SELECT 0::bigint, $1::bigint
  UNION ALL
  SELECT CASE WHEN found.earlier THEN middle + 1 ELSE low END,
         CASE WHEN found.earlier THEN high ELSE middle END
    FROM search, LATERAL (
      SELECT (low + high) / 2 AS middle,
             (SELECT convert_from(e.body, 'UTF8')::json->>'time' < $2
                FROM credctl_ledger.entries e WHERE e.index = (low + high) / 2) AS earlier
    ) AS found
   WHERE low < high
)
SELECT low FROM search WHERE low >= high LIMIT 1`

export class PostgresSearch implements EntrySearch {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async search(filter: EntryFilter, page: SearchPage): Promise<FoundEntries> {
    return await this.#read(async () => {
      const { before = await this.#size() } = page
      const end = Math.min(before, await this.#indexAt(filter.until, SLACK_MS))
      const start = filter.from === undefined ? 0 : await this.#indexAt(filter.from, -SLACK_MS)
      return await this.#backwards(filter, { start, end }, page)
    })
  }

  async entry(index: number): Promise<(FoundEntry & { bytes: Uint8Array }) | undefined> {
    const body = await this.#read(() => this.#body(index))
    return body === undefined ? undefined : { index, entry: parseEntry(body), bytes: body }
  }

  async #backwards(
    filter: EntryFilter,
    { start, end }: { readonly start: number; readonly end: number },
    { limit, patienceMs }: SearchPage,
  ): Promise<FoundEntries> {
    const deadline = performance.now() + patienceMs
    // Entries of a grant are few and have an index: one query reaches all of them.
    const stride = filter.grant === undefined ? STRIDE : Number.MAX_SAFE_INTEGER
    const found: FoundEntry[] = []
    let to = end
    while (to > start && found.length < limit && performance.now() <= deadline) {
      const from = Math.max(start, to - stride)
      const wanted = limit - found.length
      const rows = await this.#rows(filter, { start: from, end: to, limit: wanted })
      found.push(...rows.filter(fitting(filter)).map(toEntry))
      to = rows.length === wanted ? Number(rows.at(-1)?.index) : from
    }
    return { entries: found, next: to > start ? to : undefined }
  }

  async #rows(
    filter: EntryFilter,
    { start, end, limit }: { readonly start: number; readonly end: number; readonly limit: number },
  ): Promise<readonly Row[]> {
    const values: unknown[] = [start, end]
    const conditions = ['e.index >= $1', 'e.index < $2']
    const place = (value: unknown) => `$${values.push(value)}`
    const holds = (text: string) => `position(${place(Buffer.from(text))} IN e.body) > 0`
    if (filter.grant !== undefined) conditions.push(`e.grant_id = ${place(filter.grant)}`)
    if (filter.kind !== undefined) conditions.push(holds(`"kind":${JSON.stringify(filter.kind)}`))
    // Refused requests have no row among the grants; their entries name everything themselves.
    for (const name of ['scope', 'environment', 'subject'] as const) {
      const wanted = filter[name]
      if (wanted === undefined) continue
      const key = name === 'subject' ? 'subject' : 'name'
      const own = holds(`"${key}":${JSON.stringify(wanted)}`)
      conditions.push(`(coalesce(g.${name}, a.${name}) = ${place(wanted)} OR ${own})`)
    }
    const text = `${ENTRY} WHERE ${conditions.join(' AND ')} ORDER BY e.index DESC LIMIT ${place(limit)}`
    return (await this.#pool.query<Row>(text, values)).rows
  }

  /** Where entries of a moment begin, moved by `slack` to the safe side. */
  async #indexAt(moment: Date | undefined, slack: number): Promise<number> {
    const size = await this.#size()
    if (moment === undefined) return size
    const wanted = new Date(Math.min(moment.getTime() + slack, LAST_MOMENT))
    const values = [size, wanted.toISOString()]
    const query = { name: 'ledger-index-at', text: BISECT, values }
    const { rows } = await this.#pool.query<{ low: string }>(query)
    return Number(rows[0]?.low ?? 0)
  }

  async #size(): Promise<number> {
    const text = 'SELECT size FROM credctl_ledger.head'
    const { rows } = await this.#pool.query<{ size: string }>({ name: 'ledger-size', text })
    return Number(rows[0]?.size ?? 0)
  }

  async #body(index: number): Promise<Buffer | undefined> {
    if (!Number.isSafeInteger(index) || index < 0) return undefined
    const text = 'SELECT body FROM credctl_ledger.entries WHERE index = $1'
    const query = { name: 'ledger-body', text, values: [index] }
    return (await this.#pool.query<{ body: Buffer }>(query)).rows[0]?.body
  }

  async #read<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw unavailable(error)
    }
  }
}

/** What the database found by its bytes may say the same words elsewhere: looked at once more. */
function fitting(filter: EntryFilter): (row: Row) => boolean {
  return ({ body, scope, environment, subject }) => {
    const known = scope !== null && environment !== null && subject !== null
    const grant = known ? { scope, environment, caller: { subject } } : undefined
    return fits(parseEntry(body), grant, filter)
  }
}

function toEntry({ index, body }: Row): FoundEntry {
  return { index: Number(index), entry: parseEntry(body) }
}
