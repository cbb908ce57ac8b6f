import type { HeldGrant, TaskRequest } from '../../client/grant.ts'
import type { TaskStartOutput } from '../output/task.ts'

/** What may be known about a task by whoever uses it. */
export function factsOf(
  { scope, environment }: TaskRequest,
  { id, expiresAt, targets, blastRadius }: HeldGrant,
): TaskStartOutput {
  return {
    grant: id,
    scope,
    environment,
    expires_at: expiresAt.toISOString(),
    targets: targets.map(({ name, kind }) => ({ name, kind })),
    blast_radius: blastRadius.raw(),
  }
}
