import type { Found } from '../../ledger/redaction/redaction.ts'
import { assignedSecrets, isValue } from './assignments.ts'

interface Format {
  /** Of the path, with `/` between its parts. */
  readonly name: RegExp
  readonly find: (text: string) => readonly Found[]
}

/** Files that are made to hold credentials, or settings among which people put them. */
const FORMATS: readonly Format[] = [
  { name: /(?:^|\/)\.pgpass(?:\.conf)?$|(?:^|\/)pgpass\.conf$/, find: lines(PGPASS(), 'password') },
  { name: /(?:^|\/)[._]netrc$/, find: lines(/\bpassword[ \t]+(\S{1,4096})/dg, 'password') },
  { name: /(?:^|\/)\.vault-token$/, find: lines(/^(\S{8,4096})\s*$/dg, 'vault-token') },
  {
    name: /(?:^|\/)\.m2\/settings\.xml$/,
    find: lines(/<password>([^<\r\n]{1,4096})</dg, 'password'),
  },
  { name: /(?:^|\/)\.htpasswd$/, find: lines(/^[^:\r\n]{1,256}:(\S{1,4096})/dgm, 'password') },
  {
    name: /(?:^|\/)\.docker\/config\.json$|(?:^|\/)\.dockercfg$/,
    find: lines(
      /"(?:auth|identitytoken|registrytoken)"\s{0,20}:\s{0,20}"([^"]{4,8192})"/dg,
      'token',
    ),
  },
  {
    name: /(?:^|\/)(?:\.env(?:\.[^/]*)?|[^/]*\.env|\.envrc|\.flaskenv|\.dev\.vars|[^/]*\.tfvars|\.aws\/(?:config|credentials)|\.kube\/config|[^/]*kubeconfig[^/]*|\.npmrc|\.yarnrc(?:\.yml)?|\.pypirc|\.my\.cnf|\.s3cfg|\.boto|\.pg_service\.conf|pg_service\.conf|rclone\.conf|hosts\.yml|gradle\.properties|credentials(?:\.(?:toml|json|tfrc\.json))?|application_default_credentials\.json|\.(?:bash|zsh)(?:rc|env|_profile)|\.profile|secrets?\.(?:ya?ml|json|toml|ini))$/,
    find: assignedSecrets,
  },
]

/** What stands in a file because of what kind of file it is. */
export function findInFormat(path: string, text: string): readonly Found[] {
  const name = path.replaceAll('\\', '/')
  return FORMATS.filter((format) => format.name.test(name)).flatMap(({ find }) => find(text))
}

/** `host:port:database:user:password`, `\` before a colon that is meant (PostgreSQL, libpq-pgpass). */
function PGPASS(): RegExp {
  return /^(?!#)(?:(?:\\.|[^:\\\r\n]){1,256}:){4}((?:\\.|[^\\\r\n]){1,4096})$/dgm
}

function lines(pattern: RegExp, type: string): Format['find'] {
  return (text) =>
    [...text.matchAll(pattern)].flatMap((match): Found[] => {
      const [start, end] = match.indices?.[1] ?? []
      const isThere = start !== undefined && end !== undefined && isValue(match[1] ?? '')
      return isThere ? [{ start, end, type }] : []
    })
}
