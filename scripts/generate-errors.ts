import { STATUS } from '../src/api/problem.ts'
import { REASON_CODES } from '../src/decision/reason.ts'
import { ERROR_CODES } from '../src/errors.ts'

/** Every stable code, for people who met one. */
export function generateErrorReference(): string {
  const errors = ERROR_CODES.map((code) => `| \`${code}\` | ${STATUS[code]} |`)
  const reasons = REASON_CODES.map((code) => `- \`${code}\``)
  return `# Codes

Generated from \`src/errors.ts\`, \`src/api/problem.ts\` and \`src/decision/reason.ts\`.

## Errors

In the member \`code\` of every refusal over HTTP, and in \`--output json\` of the command line. Answers
with a status from 500 on carry no detail: the broker's log has it, under the same request id. \`/token\`
maps 401 and 403 to OAuth's own 400.

| code | status |
| --- | --- |
${errors.join('\n')}

## Reasons of a decision

In \`reasons\` of a denied request, in \`POST /v1/plans\` and in the log. A caller that no rule of a scope
names hears \`scope_unknown\` whatever the log says.

${reasons.join('\n')}
`
}
