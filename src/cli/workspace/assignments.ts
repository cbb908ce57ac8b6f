import type { Found } from '../../ledger/redaction/redaction.ts'

/** `NAME=value`, `name: value`, `"name": "value"` or `export NAME='value'`: one a line. */
export interface Assignment {
  readonly name: string
  readonly value: string
  /** Of the value, in the text. */
  readonly start: number
  readonly end: number
}

const LINE =
  /^[ \t]*(?:export[ \t]+|set[ \t]+|-[ \t]+|\/\/[^\s=:]{1,200}:)?["']?([A-Za-z_][A-Za-z0-9_.-]{0,127})["']?[ \t]{0,20}[=:][ \t]{0,20}(?:"([^"\r\n]{1,4096})"|'([^'\r\n]{1,4096})'|([^\s"',;#][^\s"',;]{0,4095}))/dgm

export function assignmentsIn(text: string): Assignment[] {
  return [...text.matchAll(LINE)].flatMap((match): Assignment[] => {
    const group = [2, 3, 4].find((index) => match[index] !== undefined)
    const place = group === undefined ? undefined : match.indices?.[group]
    if (group === undefined || place === undefined) return []
    return [{ name: match[1] ?? '', value: match[group] ?? '', start: place[0], end: place[1] }]
  })
}

/** Names that people give to secrets, in files that are made to hold them. */
const SECRET =
  /password|passwd|passphrase|pgpass|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|key[_-]?data|credential|_auth$|^auth$|_pat$|_pass$/i
/** Of those, names of what leads to a secret, describes one or is public. */
const BESIDE =
  /(?:_file|_path|_url|_uri|_id|_name|_type|_expir\w*|_ttl|_timeout|_length|_helper|_endpoint|_header)$|public|^aws_session_token$|token_type|access_key_id/i

/** What is written where a secret will be, or leads to one that is kept elsewhere. */
const PLACEHOLDER =
  /^(?:\$.*|<.*>|\{\{.*\}\}|%\w+%|\*+|x{3,}|\.{3,}|-+|true|false|null|none|undefined|~|(?:your|my|the)[-_ ].*|.*(?:change|replace)[-_ ]?(?:me|this).*|example.*|dummy|placeholder|redacted|todo|(?:aws-sm|vault|file|env|op|ref\+\w+|arn|sops):.*|ENC\[.*)$/i

/** An assignment to a name of a secret, with something that could be one. */
export function assignedSecrets(text: string): Found[] {
  return assignmentsIn(text)
    .filter(({ name, value }) => SECRET.test(name) && !BESIDE.test(name) && isValue(value))
    .map(({ name, start, end }) => ({ start, end, type: typeOf(name) }))
}

export function isValue(value: string): boolean {
  return value.length >= 4 && !PLACEHOLDER.test(value)
}

function typeOf(name: string): string {
  if (/secret_access_key/i.test(name)) return 'aws-secret-key'
  if (/passw|pgpass|_pass$|passphrase/i.test(name)) return 'password'
  return /token|_auth|^auth$|_pat$/i.test(name) ? 'token' : 'secret'
}
