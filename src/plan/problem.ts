import type { Path } from '../document/diagnostic.ts'

/** Why no plan exists. `path` leads into the scope, so that lint can point at the line. */
export interface PlanProblem {
  readonly code: PlanProblemCode
  readonly path: Path
  readonly message: string
  readonly expected?: string
}

export type PlanProblemCode =
  | 'environment_not_in_scope'
  | 'target_unknown'
  | 'target_kind_mismatch'
  | 'parameter_missing'
  | 'parameter_unknown'
  | 'parameter_refused'
  | 'access_refused'

/** The result of compiling one target's access; problem paths start below the access. */
export type Compiled<T> =
  | { readonly ok: true; readonly plan: T }
  | { readonly ok: false; readonly problems: readonly PlanProblem[] }
