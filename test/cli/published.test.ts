import type { Application, CommandContext } from '@stricli/core'
import { generateHelpTextForAllCommands } from '@stricli/core'
import { expect, test } from 'vitest'
import { createApp } from '../../src/cli/app.ts'
import { OUTPUTS } from '../../src/cli/output/schemas.ts'

/** What is on stdout is not theirs: a command's, and a protocol's. */
const WITHOUT = ['exec', 'mcp']

test('every command has a published shape for --output json, and no shape lacks its command', () => {
  const app = createApp()
  // Help runs no command, so that any context will do; the library's type does not say so.
  const help = generateHelpTextForAllCommands(app as typeof app & Application<CommandContext>)
  const commands = help.map(([route]) => route.replace(/^credctl /, ''))
  const published = Object.keys(OUTPUTS).filter((name) => name !== 'failure')
  const covers = (name: string, route: string) => route === name || route.startsWith(`${name} `)
  expect(commands.filter((route) => !published.some((name) => covers(name, route)))).toEqual(
    WITHOUT,
  )
  expect(published.filter((name) => !commands.some((route) => covers(name, route)))).toEqual([
    'completion propose', // hidden: for shells, not for people
  ])
})
