import { systemClock } from '../../clock.ts'
import { requireConfig } from '../../config.ts'
import { CredctlError } from '../../errors.ts'
import { inspectToken, type TokenInspection } from '../../identity/inspect.ts'
import { createVerifier } from '../../identity/verify.ts'
import { openSecrets } from '../../secrets.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { ConfigFlag, OutputFlag } from '../flags.ts'
import { answer, printable } from '../terminal.ts'

/** Larger than any token a broker reads. */
const MAX_BYTES = 64 * 1024

/** `credctl token inspect < FILE`: what the broker would make of a token, without showing it. */
export default async function inspect(cli: Cli, flags: ConfigFlag & OutputFlag): Promise<number> {
  const config = await requireConfig(flags.config)
  const token = await readStdin(cli)
  const clock = systemClock
  const secrets = openSecrets(config, cli.process.env)
  const { issuers } = config
  const verifier = createVerifier(issuers, { clock, resolve: secrets.resolve })
  const inspection = await inspectToken(token, { issuers, verifier, clock }).finally(() =>
    secrets.close(),
  )
  answer(cli, flags, inspection, text)
  return inspection.accepted ? EXIT.ok : EXIT.failed
}

async function readStdin({ process: { stdin } }: Cli): Promise<string> {
  if (stdin.isTTY) {
    throw new CredctlError('usage', 'the token is read from standard input', {
      hint: 'credctl token inspect < FILE: what is typed stays in the scrollback.',
    })
  }
  let token = ''
  for await (const chunk of stdin.setEncoding('utf8')) {
    token += chunk
    if (token.length > MAX_BYTES) throw new CredctlError('usage', 'this is too long for a token')
  }
  return token.trim()
}

function text(found: TokenInspection): string {
  const { issuer, header, claims, rules } = found
  const lines = [
    verdict(found),
    ...(issuer === undefined ? [] : [`issuer      ${issuer.name} (${issuer.kind})`]),
    ...(header === undefined
      ? []
      : [`signed      ${header.alg}, key ${header.kid ? '' : 'not '}named`]),
    ...(found.lifetimeSeconds === undefined ? [] : [`lives       ${found.lifetimeSeconds} s`]),
    ...(found.expiresInSeconds === undefined ? [] : [expiry(found.expiresInSeconds)]),
    ...(claims.length === 0 ? [] : [`claims      ${claims.join(', ')}`]),
    ...(found.breach === undefined ? [] : [`refused     ${found.breach}`]),
    ...(found.agentSign === undefined ? [] : [`agent       ${found.agentSign}`]),
    ...rules.map(ruleText),
  ]
  return lines.map((line) => `${printable(line)}\n`).join('')
}

function verdict({ accepted, class: made, roles = [], refusal }: TokenInspection): string {
  if (accepted) return `accepted    as ${[made, ...roles].join(', ')}`
  const hint = refusal?.hint === undefined ? '' : `; ${refusal.hint}`
  return `refused     ${refusal?.code}: ${refusal?.message}${hint}`
}

function expiry(seconds: number): string {
  return seconds < 0 ? `expired     ${-seconds} s ago` : `expires     in ${seconds} s`
}

function ruleText({ rule, class: made, matches, unmet }: TokenInspection['rules'][number]): string {
  const why = matches ? 'matches' : `does not match: ${unmet.join(', ')}`
  return `rule ${rule + 1}      ${made} ${why}`
}
