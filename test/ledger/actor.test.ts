import { expect, it } from 'vitest'
import { entryProblem } from '../../src/ledger/entry-schema.ts'
import { entryCaller } from '../../src/ledger/record.ts'
import { entries } from './entries.ts'

const { decided } = entries
const actor = { iss: 'https://agents.test', sub: 'agent-7', act: { sub: 'orchestrator' } }
const actedBy = (by: unknown) => ({ ...decided, caller: { ...decided.caller, actor: by } })

it('who acts for a caller is recorded, through every hand', () => {
  const caller = { ...decided.caller, roles: [], actor }
  expect(entryCaller(caller)).toMatchObject({ actor })
  expect(entryProblem(actedBy(actor))).toBeUndefined()
})

it.each([
  ['without a subject', { iss: 'https://agents.test' }],
  ['with a newline in it', { sub: 'a\nb' }],
  ['with anything else about it', { sub: 'a', token: 'secret' }],
  ['whose own actor has no subject', { sub: 'a', act: {} }],
  ['that is text', 'agent-7'],
])('an actor %s is refused', (_, by) => {
  expect(entryProblem(actedBy(by))).toMatch(/^caller\.actor/)
})
