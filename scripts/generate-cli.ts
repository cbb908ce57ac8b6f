import {
  type Application,
  type CommandContext,
  generateHelpTextForAllCommands,
} from '@stricli/core'
import { z } from 'zod'
import { createApp } from '../src/cli/app.ts'
import { KEPT, REMOVED, REMOVED_PREFIXES } from '../src/cli/exec/environment.ts'
import { OUTPUTS } from '../src/cli/output/schemas.ts'

/** What `--output json` prints, by command: programs may rely on nothing else. */
export function generateCliSchemas(): string {
  const schemas = Object.entries(OUTPUTS).map(([name, schema]) => [name, z.toJSONSchema(schema)])
  return `${JSON.stringify(Object.fromEntries(schemas), null, 2)}\n`
}

/** Every command with its help, made from the table that the command line itself is made from. */
export function generateCliReference(): string {
  const app = createApp()
  // Help runs no command, so that any context will do; the library's type does not say so.
  const anyContext = app as typeof app & Application<CommandContext>
  const commands = generateHelpTextForAllCommands(anyContext).map(
    ([route, help]) => `### ${route}\n\n\`\`\`text\n${help.trim()}\n\`\`\`\n`,
  )
  return `${INTRODUCTION}
${commands.join('\n')}
${ENVIRONMENT}`
}

const names = (list: Iterable<string>) => [...list].map((name) => `\`${name}\``).join(', ')

const INTRODUCTION = `# The command line

Generated from \`src/cli\` by \`npm run generate\`.

## Rules

- Programs read stdout, people read stderr. Results are on stdout; problems, remarks and progress on stderr.
- \`--output json\` prints one JSON document whose shape is in [cli-output.schema.json](cli-output.schema.json), by
  command. A command that failed prints the shape \`failure\` instead; \`exec\` leaves stdout to its command.
- Exit status: 0 success, 1 a refusal or a failed check, 2 a command line that says nothing. \`exec\` gives the
  status of its command, 128 and the signal that ended it, 126 or 127 when it cannot be started.
- Problems in files are \`file:line:column: message; expected …\`. Colour only on terminals, and never with \`NO_COLOR\`.
- A token is never an argument: arguments are visible to every process. It is read from a file, asked of GitHub
  Actions when the job may (\`id-token: write\`), or what \`credctl login\` kept for this broker. No secret goes to a
  terminal.
- The broker is reached over https, or over http on a loopback address. Redirects are not followed.

| variable | is |
| --- | --- |
| \`CREDCTL_BROKER\` | the broker's URL, when \`--broker\` is not given |
| \`CREDCTL_IDENTITY_TOKEN_FILE\` | file with the identity token, when \`--identity-token-file\` is not given |
| \`ACTIONS_ID_TOKEN_REQUEST_URL\`, \`ACTIONS_ID_TOKEN_REQUEST_TOKEN\` | set by GitHub Actions; used when there is no such file |
| \`CREDCTL_LOGIN_ISSUER\`, \`CREDCTL_LOGIN_CLIENT_ID\`, \`CREDCTL_LOGIN_SCOPES\` | where \`login\` signs in and what it asks for, when \`--issuer\`, \`--client-id\` and \`--scopes\` are not given |
| \`NODE_EXTRA_CA_CERTS\` | authorities beside the ones Node.js ships |
| \`XDG_STATE_HOME\` | where \`login\` keeps a token when there is no keychain, and \`log verify\` the heads it saw |
| \`XDG_CACHE_HOME\` | where compiled code is kept between runs, when it is private; \`~/.cache\` otherwise |
| \`XDG_STATE_HOME\` | where heads of verified logs are remembered; \`~/.local/state\` otherwise |
| \`XDG_RUNTIME_DIR\` | where \`exec\` and \`aws-credentials\` keep their files, when it is there |

## Commands
`

const ENVIRONMENT = `## What a command sees under \`credctl exec\`

Set for it:

| variable | is |
| --- | --- |
| \`PGHOST\`, \`PGPORT\`, \`PGDATABASE\`, \`PGUSER\`, \`PGSSLMODE\` | the first PostgreSQL target, in the order of names |
| \`PGPASSFILE\` | password file of all PostgreSQL targets |
| \`PGSERVICEFILE\` | one service for each PostgreSQL target: \`psql service=TARGET\` |
| \`CREDCTL_MYSQL_<TARGET>\` | option file of a MySQL target: \`mariadb --defaults-extra-file=…\` |
| \`AWS_CONTAINER_CREDENTIALS_FULL_URI\`, \`AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE\` | the first AWS target, in the order of names, at an endpoint on this machine that is there as long as the command; SDKs refresh by themselves |
| \`AWS_REGION\`, \`AWS_DEFAULT_REGION\` | its region |
| \`AWS_CONFIG_FILE\` | one profile for each AWS target |
| \`AWS_SHARED_CREDENTIALS_FILE\`, \`BOTO_CONFIG\` | empty files, so that an ended grant does not fall through to somebody's own rights |
| \`AWS_EC2_METADATA_DISABLED\` | \`true\`, for the same reason |
| \`CLOUDSDK_CONFIG\`, \`AZURE_CONFIG_DIR\`, \`GH_CONFIG_DIR\`, \`KUBECONFIG\` | nothing, likewise |
| \`CREDCTL_BROKER\`, \`CREDCTL_GRANT\` | the broker, and the id of the grant |
| \`CREDCTL_DIRECTORY\` | the directory of all these files |
| \`CREDCTL_ENDPOINT\`, \`CREDCTL_ENDPOINT_TOKEN_FILE\` | the endpoint, for \`credctl aws-credentials\` |

No variable holds a secret unless \`--database-url\` asks for it, and the grant token stays in \`credctl exec\`. The
endpoint answers nobody who lacks the token in the file, names another host or is a browser. The files are in a
directory of mode 0700, of mode 0600 each, and removed at the end. The grant is ended when the
command ends, also when \`credctl exec\` itself is killed: a small process beside it sees to that.

Not inherited: everything that begins with ${names(REMOVED_PREFIXES)}; and ${names([...REMOVED].sort())}.
Kept of these, because they name no server, user or secret: ${names([...KEPT].sort())}.

Keys of model providers stay: they are what an agent runs on. What no variable reaches stays too: a \`~/.vault-token\`,
keys in \`~/.ssh\`, a keychain.
Run agents as a user, or in a sandbox, that has none of these.
`
