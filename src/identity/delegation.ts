import { CredctlError } from '../errors.ts'
import { boundedChain } from './actor.ts'
import { type Actor, CALLER_CLASSES, type Caller, type CallerClass, type Claims } from './caller.ts'

/** Classes a request may lower itself to. The others are not less trusted, only different. */
const LOWERED: readonly CallerClass[] = ['agent', 'local']

/**
 * The same caller with less trust: an orchestrator says "treat this one as an agent". Nobody can
 * raise themselves. Error: `caller_not_permitted`.
 */
export function lowerClass(caller: Caller, to: CallerClass): Caller {
  if (to === caller.class) return caller
  if (!LOWERED.includes(to) || rank(to) > rank(caller.class)) {
    throw new CredctlError(
      'caller_not_permitted',
      'a request can lower its class, never raise it',
      {
        hint: `A caller of class ${caller.class} may ask to be treated as an agent.`,
      },
    )
  }
  return Object.freeze({ ...caller, class: to, roles: [] })
}

/**
 * Delegation (RFC 8693 section 1.1): the actor works for the subject. The result has the subject's
 * identity and claims, the lesser trust of the two, no role, and names the actor. Where the
 * subject's token says who may act for it (`may_act`), nobody else may. Both callers must have been
 * verified. Errors: `caller_not_permitted`, `token_claim_invalid` (the chain is too long).
 */
export function delegate(subject: Caller, actor: Caller): Caller {
  if (!mayAct(subject.claims, actor)) {
    throw new CredctlError(
      'caller_not_permitted',
      'the subject token lets somebody else act for it',
      {
        hint: 'Its may_act claim must name the subject of the actor token.',
      },
    )
  }
  const least = rank(actor.class) < rank(subject.class) ? actor.class : subject.class
  return Object.freeze({ ...subject, class: least, roles: [], actor: chain(actor, subject.actor) })
}

/** The actor first, then whoever it acts through, then whoever the subject already acted through. */
function chain(actor: Caller, before: Actor | undefined): Actor {
  const through = append(actor.actor, before)
  return boundedChain({
    iss: issuerOf(actor),
    sub: actor.subject,
    ...(through === undefined ? {} : { act: through }),
  })
}

function append(first: Actor | undefined, rest: Actor | undefined): Actor | undefined {
  if (first === undefined) return rest
  const act = append(first.act, rest)
  return act === undefined ? first : { ...first, act }
}

function mayAct(claims: Claims, actor: Caller): boolean {
  const named = Object.entries(claims).filter(([name]) => /^may_act(\/|$)/.test(name))
  const [sub, iss] = [claims['may_act/sub'], claims['may_act/iss']]
  if (named.length === 0) return true
  return sub === actor.subject && (iss === undefined || iss === issuerOf(actor))
}

/** The URL an actor's token was signed under; a SPIFFE ID carries its issuer in itself. */
function issuerOf(actor: Caller): string {
  const { iss } = actor.claims
  return typeof iss === 'string' ? iss : actor.issuer
}

function rank(name: CallerClass): number {
  return CALLER_CLASSES.indexOf(name)
}
