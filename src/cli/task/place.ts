import { isAbsolute, join } from 'node:path'
import { stateDirectory } from '../state-directory.ts'

/**
 * Where tasks that are held for other programs of this user may be, best place first: a program that
 * starts a task does not always see the variables of those that use it.
 */
export function taskDirectories(env: NodeJS.ProcessEnv): readonly [string, ...string[]] {
  const runtime = env['XDG_RUNTIME_DIR']
  const state = join(stateDirectory(env), 'tasks')
  if (runtime === undefined || !isAbsolute(runtime)) return [state]
  return [join(runtime, 'credctl', 'tasks'), state]
}

/** In the directory of a task: what a program needs to use it, and no secret. */
export const DESCRIPTION = 'task.json'

/** What a held task is called at its own endpoint. */
export const TASK_PATH = '/v1/task'
