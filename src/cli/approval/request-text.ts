import type { ApprovalRecord } from '../../contract/approvals.ts'
import type { Cli } from '../cli.ts'
import { blastRadiusLines } from '../scope/plan-text.ts'
import { heading, printable } from '../terminal.ts'

/** `dba 1/2, security 0/1`. */
export function needsLine(needs: ApprovalRecord['needs']): string {
  return needs.map(({ group, count, given }) => `${group} ${given}/${count}`).join(', ')
}

/** A request as whoever decides it reads it: facts first, the requester's own words as such. */
export function requestText(cli: Cli, request: ApprovalRecord): string {
  const { caller, blast_radius: radius } = request
  const through = (caller.actors ?? []).map((actor) => ` through ${actor}`).join('')
  const lines = [
    ...(request.break_glass === true ? ['BREAK-GLASS  the requester claims an emergency'] : []),
    `code         ${request.binding_code} (the requester sees the same)`,
    `status       ${request.status}, until ${request.expires_at}`,
    `caller       ${caller.class} ${caller.subject} of ${caller.issuer}${through}`,
    `scope        ${request.scope} in ${request.environment}`,
    ...Object.entries(request.parameters).map(([name, value]) => `parameter    ${name}=${value}`),
    `they say     ${JSON.stringify(request.intent)}`,
    `asked by     ${request.rules.join(', ')}`,
    `needs        ${needsLine(request.needs)}${request.reason_required ? ', with a reason' : ''}`,
    `plan         ${request.plan}`,
    ...(radius === undefined ? [] : blastRadiusLines(radius)),
    ...request.verdicts.map(verdictLine),
    ...(request.hindrance === undefined
      ? []
      : [`you          cannot decide: ${request.hindrance}`]),
  ]
  return `${heading(cli, request.id)}\n${lines.map((line) => `  ${printable(line)}\n`).join('')}`
}

function verdictLine({
  verdict,
  subject,
  issuer,
  group,
  reason,
  at,
}: ApprovalRecord['verdicts'][number]): string {
  const why = reason === undefined ? '' : `: ${JSON.stringify(reason)}`
  return `${verdict.padEnd(12)} ${subject} of ${issuer} for ${group}, ${at}${why}`
}
