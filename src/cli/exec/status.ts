import type { Pending } from '../../client/deferral.ts'
import type { HeldGrant } from '../../client/grant.ts'

/** While a request waits for people. */
export function pendingLine({ approval, bindingCode, expiresAt }: Pending): string {
  const until = clockTime(expiresAt)
  return `waiting for approval ${bindingCode} (${approval}) until ${until}; Ctrl-C gives up`
}

/** What a task may reach and until when, in one line. */
export function statusLine(
  { scope, environment }: { readonly scope: string; readonly environment: string },
  { id, targets, expiresAt, blastRadius }: HeldGrant,
): string {
  const names = targets.map(({ name, kind }) => `${name} (${kind})`).join(', ')
  const resources = blastRadius.object('resources')
  const reach = [
    ...counted(blastRadius.integer('tables'), 'table'),
    ...counted(resources.integer('named') + resources.integer('wildcard'), 'AWS resource'),
  ]
  const until = clockTime(expiresAt)
  return `${scope} in ${environment}: ${names}; ${reach.join(', ')}; until ${until}; grant ${id}`
}

function clockTime(time: Date): string {
  return `${time.toISOString().slice(11, 19)}Z`
}

function counted(count: number, what: string): string[] {
  if (count === 0) return []
  return [`${count} ${what}${count === 1 ? '' : 's'}`]
}
