import type { Config } from '../../../config.ts'
import { CredctlError } from '../../../errors.ts'
import { CALLER_CLASSES, type CallerClass } from '../../../identity/caller.ts'
import type { Pair } from '../../flags.ts'
import { GIVES, type Gives } from './gives.ts'
import type { AccessKind, Draft } from './template.ts'

/** What the flags say already; the rest is asked for. */
export type Given = {
  readonly owner?: string
  readonly description?: string
  readonly caller?: CallerClass
  readonly issuer?: string
  readonly claim?: readonly Pair[]
  readonly env?: readonly string[]
  readonly target?: string
  readonly give?: Gives
  readonly on?: readonly string[]
  readonly ttl: string
}

/** Asks one question; `choices` are shown, and the first is what an empty answer means. */
export type AskPerson = (question: string, choices?: readonly string[]) => Promise<string>

/** The answers that are still missing, in the order in which one follows from another. */
export async function draftOf(
  name: string,
  given: Given,
  config: Config,
  ask: AskPerson,
): Promise<Draft> {
  const one = async (value: string | undefined, question: string, choices?: readonly string[]) =>
    value ?? (await ask(question, choices))
  const owner = await one(given.owner, 'Team that reviews changes (--owner)')
  const description = await one(
    given.description,
    'What the task does, in a sentence (--description)',
  )
  const caller = await one(given.caller, 'Who takes it (--caller)', CALLER_CLASSES)
  const issuer = await one(
    given.issuer,
    'Whose identity tokens (--issuer)',
    Object.keys(config.issuers),
  )
  const claims =
    given.claim ??
    pairs(await ask('Claims that name them, name=value with spaces between (--claim)'))
  const names = [...config.environments.keys()]
  const environments = given.env ?? words(await ask('Environments (--env)', names))
  const targets = targetsIn(config, environments)
  const target = await one(given.target, 'What it is for (--target)', [...targets.keys()])
  const kind = kindOf(target, targets)
  const gives = await one(given.give, 'What it does there (--give)', GIVES)
  const what = kind === 'aws' ? 'ARNs' : 'Tables'
  const on = given.on ?? words(await ask(`${what}, with spaces between (--on)`))
  return {
    name,
    owner,
    description,
    caller,
    issuer,
    claims: Object.fromEntries(claims),
    environments,
    ttl: given.ttl,
    target,
    kind,
    gives: chosen(gives, GIVES, '--give'),
    on,
  }
}

/** Targets that every one of these environments has. */
function targetsIn(config: Config, environments: readonly string[]): Map<string, string> {
  const each = environments.map((name) => {
    const { targets = {} } = config.environments.get(name) ?? {}
    return new Map(Object.entries(targets).map(([target, { kind }]) => [target, kind]))
  })
  const [first = new Map<string, string>(), ...others] = each
  return new Map([...first].filter(([name]) => others.every((other) => other.has(name))))
}

/** Who mints makes no difference to a scope: `vault_postgres` is PostgreSQL. */
function kindOf(target: string, targets: ReadonlyMap<string, string>): AccessKind {
  const kinds = ['postgres', 'mysql', 'aws'] as const
  const kind = kinds.find((each) => targets.get(target)?.endsWith(each) === true)
  if (kind !== undefined) return kind
  throw new CredctlError('usage', `these environments have no target ${JSON.stringify(target)}`, {
    hint: targets.size === 0 ? 'There are none.' : `There are: ${[...targets.keys()].join(', ')}.`,
  })
}

function chosen<T extends string>(text: string, allowed: readonly T[], flag: string): T {
  const found = allowed.find((each) => each === text)
  if (found !== undefined) return found
  throw new CredctlError('usage', `${flag}: expected ${allowed.join(' or ')}`)
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '')
}

function pairs(text: string): Pair[] {
  return words(text).map((word) => {
    const at = word.indexOf('=')
    if (at < 1) throw new CredctlError('usage', 'a claim is written name=value')
    return [word.slice(0, at), word.slice(at + 1)]
  })
}
