import { z } from 'zod'
import { scopeSchema } from '../src/scope/scope.ts'

/** What editors check a scope against while it is written (`# yaml-language-server: $schema=`). */
export function generateScopeSchema(): string {
  const schema = z.toJSONSchema(scopeSchema, { io: 'input' })
  const titled = { title: 'credctl task scope', ...schema }
  return `${JSON.stringify(titled, null, 2)}\n`
}
