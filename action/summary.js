// What the job got, on the page of its run. No secret is in it, and no text of others is markup.
import { summary } from './runner.js'

export function writeSummary(task, grant, variables) {
  summary(`${linesOf(task, grant, variables).join('\n')}\n`)
}

function linesOf({ scope, environment, intent, parameters }, grant, variables) {
  const { blastRadius } = grant
  const rows = [
    ['scope', code(scope)],
    ['environment', `${code(environment)} (${escaped(blastRadius.environmentClass)})`],
    ...Object.entries(parameters).map(([name, value]) => [`parameter ${code(name)}`, code(value)]),
    ['intent', escaped(intent)],
    ['grant', code(grant.id)],
    ['plan', code(grant.plan)],
    ['ends at the latest', escaped(grant.expiresAt)],
    ['can touch', escaped(reach(blastRadius))],
    ...grant.targets.map((target) => [`target ${code(target.name)}`, guarantees(target)]),
    ['variables', variables.map(code).join(' ')],
  ]
  return [
    '### Credentials by credctl',
    '',
    '| | |',
    '| --- | --- |',
    ...rows.map(([name, value]) => `| ${name} | ${value} |`),
    '',
  ]
}

function reach({ tables = 0, tablesBy = {}, resources = {}, actionsBy = {}, accounts = [] }) {
  const { named = 0, wildcard = 0 } = resources
  return [
    `${tables} tables${inParentheses(tablesBy)}`,
    `${named} AWS resources by name, ${wildcard} by pattern${inParentheses(actionsBy)}`,
    ...(accounts.length > 0 ? [`accounts ${accounts.join(', ')}`] : []),
  ].join('; ')
}

function inParentheses(counts) {
  const parts = Object.entries(counts).map(([name, count]) => `${name} ${count}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

function guarantees({ kind, guarantees: said }) {
  return [kind, ...said].map(escaped).join('<br>')
}

/** Text as text: nothing of it is Markdown, HTML or a line of its own. */
export function escaped(text) {
  return String(text)
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_{}[\]()#+.!|~:@]/g, (character) => `&#${character.codePointAt(0)};`)
}

function code(text) {
  return `<code>${escaped(text)}</code>`
}
