import type { AwsTarget } from '../../environment/target-aws.ts'
import type { Service } from './actions.ts'
import { type Arn, type ArnProblem, parseArn, partitionOf, type Result, refuse } from './arn.ts'
import { globCovers, globsOverlap, hasWildcard } from './glob.ts'

/** A declared resource, pinned to the target's account and region. */
export interface PinnedResource {
  readonly arn: string
  /** Resource types of the service that it is; several when they share one form. */
  readonly types: readonly string[]
  readonly wildcard: boolean
  /** It is one thing by its full name, in whatever version or revision. */
  readonly exact: boolean
}

const VARIABLE = /\$\{[^}]*\}/

/**
 * Finds which resource type a declared ARN is and pins it to the target: the operator says which
 * account and region a target is, so `*` there means "the target's" and anything else must equal it.
 */
export function pinResource(
  text: string,
  service: Service,
  target: AwsTarget,
): Result<PinnedResource> {
  const parsed = parseArn(text)
  if (!parsed.ok) return parsed
  const arn = parsed.value
  const partition = partitionOf(target)
  if (arn.partition !== partition) {
    const message = `${text} is in partition ${arn.partition}, the target in ${partition}`
    return refuse(message, `arn:${partition}:…`)
  }
  const found = formsOf(service, arn)
  if (found.length === 0) return refuse(`${text} is no resource of ${service.name}`, known(service))

  const placed = found.map((form) => ({ form, place: placeOf(arn, form.arn, target) }))
  const fitting = placed.flatMap(({ form, place }) => (place.ok ? [{ form, ...place }] : []))
  const first = fitting[0]
  if (first === undefined) return firstProblem(text, placed)
  const unnamed = nameProblem(text, arn, first.form.arn)
  if (unnamed !== undefined) return { ok: false, ...unnamed }
  const { region, account } = first.value
  return {
    ok: true,
    value: {
      arn: `arn:${partition}:${arn.service}:${region}:${account}:${arn.resource}`,
      types: fitting
        .filter((each) => each.form.literal === first.form.literal)
        .map((each) => each.form.type),
      wildcard: hasWildcard(arn.resource),
      exact: isExact(arn.resource, first.form.arn.resource),
    },
  }
}

interface Form {
  readonly type: string
  readonly arn: Arn
  /** Characters that are not variables: the more, the more specific. */
  readonly literal: number
  /** The resource part as a pattern. */
  readonly glob: string
}

/** The resource types whose form the ARN has, most specific first. */
function formsOf(service: Service, arn: Arn): Form[] {
  return allForms(service)
    .filter((form) => form.arn.service === arn.service)
    .filter((form) => globCovers(form.glob, arn.resource))
    .sort((a, b) => b.literal - a.literal || (a.type < b.type ? -1 : 1))
}

const forms = new WeakMap<Service, readonly Form[]>()

/** Taken apart once: the data of a service never changes. */
function allForms(service: Service): readonly Form[] {
  const known = forms.get(service)
  if (known !== undefined) return known
  const made = [...service.types].map(([type, form]) => formNamed(type, form))
  forms.set(service, made)
  return made
}

function formNamed(type: string, form: string): Form {
  const [, partition = '', owner = '', region = '', account = '', ...rest] = form.split(':')
  const resource = rest.join(':')
  const literal = resource.replaceAll(/\$\{[^}]*\}/g, '').length
  const arn = { partition, service: owner, region, account, resource }
  return { type, arn, literal, glob: globOf(resource) }
}

/** The resource types that some of these declared ARNs could be, by form alone. */
export function typesReached(service: Service, arns: readonly string[]): ReadonlySet<string> {
  const reached = [...service.types].filter(([, form]) => arns.some((arn) => couldBe(form, arn)))
  return new Set(reached.map(([type]) => type))
}

function couldBe(form: string, arn: string): boolean {
  const [, , owner, region = '', account = '', ...resource] = form.split(':')
  const [, , service, ownRegion = '', ownAccount = '', ...name] = arn.split(':')
  return (
    owner === service &&
    globsOverlap(globOf(region), ownRegion) &&
    globsOverlap(globOf(account), ownAccount) &&
    globsOverlap(globOf(resource.join(':')), name.join(':'))
  )
}

/** A form as a pattern. Its variables are names, so `*` of a declared ARN can only stand for them. */
function globOf(form: string): string {
  return form.replaceAll(/\$\{[^}]*\}/g, '*')
}

interface Place {
  readonly region: string
  readonly account: string
}

function placeOf(arn: Arn, form: Arn, target: AwsTarget): Result<Place> {
  const region = fieldOf('region', arn.region, form.region, target.region)
  if (!region.ok) return region
  const account = fieldOf('account', arn.account, form.account, target.account)
  if (!account.ok) return account
  return { ok: true, value: { region: region.value, account: account.value } }
}

function fieldOf(name: string, declared: string, form: string, pinned: string): Result<string> {
  if (!VARIABLE.test(form)) {
    if (declared === form) return { ok: true, value: form }
    const expected = form === '' ? `an empty ${name}` : form
    return refuse(`this kind of resource has no ${name} of its own`, expected)
  }
  if (declared === '*' || declared === pinned) return { ok: true, value: pinned }
  const message =
    declared === '' ? `the ${name} is missing` : `${name} ${declared} is not the target's`
  return refuse(message, `${pinned}, or * for the target's ${name}`)
}

function firstProblem(text: string, placed: readonly { place: Result<Place> }[]): Result<never> {
  const problem = placed.map(({ place }) => place).find((place) => !place.ok)
  if (problem === undefined || problem.ok) return refuse(`${text} is not accepted`, 'another ARN')
  return { ok: false, message: `${text}: ${problem.message}`, expected: problem.expected }
}

/**
 * A resource must be named: its first variable part starts with text of its own. A bucket is named
 * in full, because bucket names are everybody's and `acme-*` may be a stranger's tomorrow.
 */
function nameProblem(text: string, arn: Arn, form: Arn): ArnProblem | undefined {
  const fixed = form.resource.split('${')[0] ?? ''
  if (fixed === form.resource) return undefined
  const named = arn.resource.slice(fixed.length)
  if (named === '' || hasWildcard(named[0] ?? '')) {
    return { message: `${text} has a wildcard where a name is needed`, expected: describe(form) }
  }
  const bucket = named.split('/')[0] ?? ''
  if (form.account === '' && form.service === 's3' && hasWildcard(bucket)) {
    return { message: `${text} has a wildcard in the bucket's name`, expected: describe(form) }
  }
  return undefined
}

const VERSION = /[:/]\$\{\w*(Revision|Version|Alias|Qualifier)\w*\}$/

function isExact(resource: string, form: string): boolean {
  return !hasWildcard(VERSION.test(form) ? resource.replace(/[:/]\*$/, '') : resource)
}

/** A form as a person would write it: `arn:aws:s3:::BucketName/ObjectName`. */
export function describeForm(form: string): string {
  return form
    .replace(/\$\{Partition\}/, 'aws')
    .replace(/\$\{(Region|Account)\}/g, '*')
    .replaceAll(/\$\{([^}]*)\}/g, '$1')
}

function describe({ service, region, account, resource }: Arn): string {
  return describeForm(`arn:aws:${service}:${region}:${account}:${resource}`)
}

const SHOWN = 6

function known(service: Service): string {
  const forms = [...new Set([...service.types.values()].map(describeForm))]
  const more = forms.length > SHOWN ? ` or ${forms.length - SHOWN} more forms` : ''
  return `${forms.slice(0, SHOWN).join(' or ')}${more}`
}
