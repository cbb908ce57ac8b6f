import data from './actions.json' with { type: 'json' }
import { ACTION_CLASSES, type ActionClass } from './classes.ts'

/** One classified action of AWS. */
export interface Action {
  /** `service:Action`, in AWS's own spelling. */
  readonly id: string
  readonly service: string
  readonly name: string
  readonly class: ActionClass
  /** Names of the resource types it can be put on. */
  readonly types: readonly string[]
  /** Evaluated on `*`: it has no resource, or the call may leave it out. */
  readonly unscoped: boolean
}

/** A service whose every action is classified. Any other service is refused. */
export interface Service {
  readonly name: string
  /** By exact name. */
  readonly actions: ReadonlyMap<string, Action>
  /** ARN forms by resource type, such as `arn:${Partition}:s3:::${BucketName}`. */
  readonly types: ReadonlyMap<string, string>
}

interface ServiceData {
  readonly types: Readonly<Record<string, string>>
  /** Class, then resource types, separated by `|`; `*` among the types means unscoped. */
  readonly actions: Readonly<Record<string, string>>
}

const SERVICES: Readonly<Record<string, ServiceData>> = data.services
const CLASSES = new Map<string, ActionClass>(ACTION_CLASSES.map((each) => [each, each]))
const loaded = new Map<string, Service>()

/** Names of all classified services, sorted. */
export const SERVICE_NAMES: readonly string[] = Object.keys(SERVICES)

/** A classified service, or undefined: then nothing of it can be granted. */
export function serviceNamed(name: string): Service | undefined {
  if (!Object.hasOwn(SERVICES, name)) return undefined
  const known = loaded.get(name)
  if (known !== undefined) return known
  const service = toService(name, SERVICES[name] ?? { types: {}, actions: {} })
  loaded.set(name, service)
  return service
}

/** A classified action by its exact `service:Action`, or undefined. */
export function actionNamed(id: string): Action | undefined {
  const [service = '', name = ''] = id.split(':')
  return serviceNamed(service)?.actions.get(name)
}

function toService(name: string, { types, actions }: ServiceData): Service {
  const entries = Object.entries(actions).map(([action, text]): [string, Action] => [
    action,
    toAction(name, action, text),
  ])
  return { name, actions: new Map(entries), types: new Map(Object.entries(types)) }
}

function toAction(service: string, name: string, text: string): Action {
  const [label = '', ...types] = text.split('|')
  const actionClass = CLASSES.get(label)
  if (actionClass === undefined) throw new Error(`${service}:${name} has no class`)
  const scoped = types.filter((type) => type !== '*')
  const unscoped = scoped.length < types.length
  return { id: `${service}:${name}`, service, name, class: actionClass, types: scoped, unscoped }
}
