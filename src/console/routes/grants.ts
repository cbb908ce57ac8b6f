import {
  type Operation,
  owns,
  requireAccess,
  requireReach,
  seesEverything,
  visibleGrants,
} from '../../access.ts'
import { isUlid } from '../../clock.ts'
import type { GrantState } from '../../ledger/ledger.ts'
import type { ConsoleContext, ConsoleParts } from '../console.ts'
import { readForm } from '../form.ts'
import { readGrantQuery } from '../grant-query.ts'
import { answerPage } from '../page.ts'
import { basePath } from '../place.ts'
import { grantView } from '../views/grant.ts'
import { grantListView } from '../views/grant-list.ts'
import { NOW_ROWS, nowView } from '../views/now.ts'
import { waitingApprovals } from './approvals.ts'

const PAGE = 50
/** A grant has a handful of entries; one with more shows its newest. */
const ENTRIES = 200

/** `GET /console`: what is going on. */
export function nowPage(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    const person = context.get('person')
    requireAccess('listGrants', person.principal)
    const filter = { ...visibleGrants(person.principal), live: true, limit: NOW_ROWS + 1 }
    const [waiting, live] = await Promise.all([
      waitingApprovals(parts, person, NOW_ROWS + 1),
      parts.ledger.grants(filter),
    ])
    return answerPage(parts, context, nowView(parts, person, { waiting, live }))
  }
}

/** `GET /console/grants`: as `GET /v1/grants`, with the same filters. */
export function grantsPage(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    const person = context.get('person')
    requireAccess('listGrants', person.principal)
    const query = readGrantQuery(context)
    const { live, ...filter } = query
    const found = await parts.ledger.grants({
      ...visibleGrants(person.principal),
      ...filter,
      ...(live === 'true' ? { live: true } : {}),
      limit: PAGE + 1,
    })
    const grants = found.slice(0, PAGE)
    const next = found.length > PAGE ? grants.at(-1)?.id : undefined
    return answerPage(parts, context, grantListView(parts, person, { query, grants, next }))
  }
}

/** `GET /console/grants/{id}`; what never became a grant is looked up in the log. */
export function grantPage(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    const person = context.get('person')
    const id = context.req.param('id') ?? ''
    const state = isUlid(id) ? await parts.ledger.grant(id) : undefined
    if (state === undefined && isUlid(id) && seesEverything('readLog', person.principal)) {
      return context.redirect(`${basePath(parts)}/log?grant=${id}`, 303)
    }
    const grant = reached(parts, context, 'showGrant', state)
    const [credentials, { entries }] = await Promise.all([
      parts.ledger.credentials(grant.id),
      parts.search.search({ grant: grant.id }, { limit: ENTRIES, patienceMs: 100 }),
    ])
    return answerPage(parts, context, grantView(parts, person, { grant, credentials, entries }))
  }
}

/** `POST /console/grants/{id}/revoke`: as `DELETE /v1/grants/{id}`. */
export function revokeGrant(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    const { caller, principal } = context.get('person')
    await readForm(parts, context)
    const id = context.req.param('id') ?? ''
    const state = isUlid(id) ? await parts.ledger.grant(id) : undefined
    const grant = reached(parts, context, 'endGrant', state)
    const cause = owns(principal, grant) ? 'caller' : 'operator'
    await parts.broker.end(grant, cause, caller, context.get('request'))
    return context.redirect(`${basePath(parts)}/grants/${grant.id}`, 303)
  }
}

/** The same rules, in the same order, as for a bearer token. */
function reached(
  { clock }: ConsoleParts,
  context: ConsoleContext,
  operation: Operation,
  state: GrantState | undefined,
): GrantState {
  const { principal } = context.get('person')
  requireAccess(operation, principal)
  requireReach(operation, principal, state, clock.now())
  return state
}
