// Runs as the command of `credctl exec` and asks its AWS endpoint: prints the status, with `body` what
// it answered. What it asks with may come from elsewhere: U is the address, T the token.
import { readFileSync } from 'node:fs'

const { env } = process
const url = env['U'] ?? env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? ''
const authorization =
  env['T'] ?? readFileSync(env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] ?? '', 'utf8')
const said = await fetch(url, { headers: { authorization } }).then(
  async (response) => (process.argv[2] === 'body' ? await response.text() : response.status),
  () => 'gone',
)
process.stdout.write(`${said}\n`)
