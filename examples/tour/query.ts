import pg from 'pg'

/** A task as an agent would run it: no secret of its own, everything from PG* in its environment. */
const client = new pg.Client()
await client.connect()
try {
  const { rows, rowCount } = await client.query(process.argv[2] ?? 'SELECT current_user')
  console.table(rows)
  console.log(`${rowCount} rows as ${client.user}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await client.end()
}
