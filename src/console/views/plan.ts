import { html } from 'hono/html'
import { z } from 'zod'
import type { AwsPlan } from '../../plan/aws/plan.ts'
import type { MysqlPlan } from '../../plan/mysql/plan.ts'
import type { Plan } from '../../plan/plan.ts'
import type { PlannedRelation, PostgresPlan } from '../../plan/postgres/plan.ts'
import type { Verb } from '../../scope/access-postgres.ts'
import { type Html, listed, seen } from '../words.ts'

/** A plan in plain words, target by target; the exact statements and policies are folded away. */
export function planWords({ targets }: Plan): Html {
  return html`<div class="plan">${Object.entries(targets).map(([name, target]) => {
    if (target.kind === 'aws') return awsWords(name, target)
    return target.kind === 'mysql' ? mysqlWords(name, target) : postgresWords(name, target)
  })}</div>`
}

const VERB_WORDS: Readonly<Record<Verb, string>> = {
  select: 'read',
  insert: 'add',
  update: 'change',
  delete: 'delete',
}

function postgresWords(name: string, { database, relations, statements }: PostgresPlan): Html {
  return html`<h3>${seen(name)} <span class="rest">database ${seen(database)}</span></h3>
<ul>${relations.map(relationWords)}</ul>${sql(statements)}`
}

function mysqlWords(name: string, { tables, statements }: MysqlPlan): Html {
  return html`<h3>${seen(name)} <span class="rest">MySQL</span></h3>
<ul>${tables.map(
    ({ database, table, verbs }) =>
      html`<li><strong>${verbWords(verbs)}</strong> rows of <code>${seen(`${database}.${table}`)}</code></li>`,
  )}</ul>${sql(statements)}`
}

function verbWords(verbs: readonly Verb[]): string {
  return listed(verbs.map((verb) => VERB_WORDS[verb]))
}

function sql(statements: readonly string[]): Html {
  return html`<details><summary>Exact SQL</summary><pre class="code" tabindex="0">${seen(`${statements.join(';\n')};`)}</pre></details>`
}

/** `read and change rows of public.orders`, with the columns where they are limited. */
function relationWords({ schema, table, verbs, columns = {}, rowSecurity }: PlannedRelation): Html {
  const limited = verbs.flatMap((verb) => {
    const only = columns[verb]
    return only === undefined ? [] : [`${VERB_WORDS[verb]}: only ${only.join(', ')}`]
  })
  return html`<li><strong>${verbWords(verbs)}</strong> rows of <code>${seen(`${schema}.${table}`)}</code>${limited.length === 0 ? '' : html` <span class="rest">(${seen(limited.join('; '))})</span>`}${rowSecurity ? html` <span class="rest">as its row-level security lets it</span>` : ''}</li>`
}

const texts = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat())
const policy = z.object({
  Statement: z.array(
    z.object({
      Effect: z.enum(['Allow', 'Deny']),
      Action: texts.optional(),
      Resource: texts.optional(),
    }),
  ),
})

function awsWords(name: string, { account, region, sessionPolicy, escalations }: AwsPlan): Html {
  const json: unknown = JSON.parse(sessionPolicy)
  const allowed = policy.parse(json).Statement.filter(({ Effect }) => Effect === 'Allow')
  return html`<h3>${seen(name)} <span class="rest">AWS account ${account}, ${region}</span></h3>
<ul>${allowed.map(
    ({ Action = [], Resource = [] }) =>
      html`<li><strong>${Action.join(', ')}</strong> on ${Resource.map((each) => html`<code>${seen(each)}</code> `)}</li>`,
  )}</ul>
${escalations.length === 0 ? '' : html`<p class="bad">Leads to more rights: ${escalations.join(', ')}</p>`}
<details><summary>Exact session policy</summary><pre class="code" tabindex="0">${seen(JSON.stringify(json, undefined, 2))}</pre></details>`
}
