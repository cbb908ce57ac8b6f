import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import {
  type Application,
  type CommandContext,
  generateHelpTextForAllCommands,
} from '@stricli/core'
import { describe, expect, test } from 'vitest'
import { createApp } from '../../src/cli/app.ts'

const pages = globSync('{*.md,docs/*.md,examples/**/*.md}')
  .filter(
    (page) => !['docs/cli.md', 'CHANGELOG.md'].includes(page) && !page.includes('node_modules'),
  )
  .sort()

// Help runs no command, so that any context will do; the library's type does not say so.
const app = createApp() as ReturnType<typeof createApp> & Application<CommandContext>
const help = new Map(generateHelpTextForAllCommands(app))

/** Command lines of credctl in code, and in code within text; comments and pipes end them. */
function commandLines(text: string): string[] {
  const fenced = [...text.matchAll(/^ *```(\w*)[^\n]*\n(.*?)^ *```/gms)]
  const blocks = fenced.flatMap(([, language = '', code = '']) =>
    ['', 'sh', 'bash', 'text'].includes(language) ? [code] : [],
  )
  const inline = [...text.replaceAll(/^ *```.*?^ *```/gms, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, code = '']) => code,
  )
  const lines = [...blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n')), ...inline]
  return lines.flatMap((line) => {
    const [, command] =
      /(?:^|[;&|(]|\brun: )\s*(?:npx (?:--yes )?)?(credctl(?:@\S+)? .*)$/.exec(line.trim()) ?? []
    return command === undefined ? [] : [command.split(/ +(?:#|>|\||&&)/)[0] ?? '']
  })
}

/** What is wrong with a command line: no such command, or no such flag of it. */
function problemIn(line: string): string | undefined {
  const words = (line.split(/ -- /)[0] ?? '').split(/\s+/)
  const routes = [...help.keys()].filter((route) => `${words.join(' ')} `.startsWith(`${route} `))
  const route = routes.sort((a, b) => b.length - a.length)[0]
  // Families of commands, as in `credctl scope`, `credctl postgres setup|apply`.
  if (route === undefined) return isFamily(words) ? undefined : `no command: ${line}`
  const flags = words.flatMap((word) => /^--[a-z][a-z-]*/.exec(word)?.[0] ?? [])
  const known = help.get(route) ?? ''
  const usage = /^ {2}(credctl .*)$/m.exec(known)?.[1] ?? ''
  const needed = [...usage.matchAll(/\((--[a-z-]+)/g)].map(([, flag = '']) => flag)
  const absent = needed.find((flag) => !words.includes(flag) && !isDefaulted(known, flag))
  // Whoever only names a command leaves everything out.
  if (absent !== undefined && line !== route && !/[…|]/.test(line))
    return `${route} needs ${absent}: ${line}`
  const missing = flags.find((flag) => !known.includes(flag.replace('--no-', '--')))
  return missing === undefined ? undefined : `${route} has no ${missing}`
}

/** The usage line shows flags with a default value of an enumeration like those that are needed. */
function isDefaulted(text: string, flag: string): boolean {
  return new RegExp(`^ *\\[?${flag}\\]?.*default = `, 'm').test(text)
}

function isFamily([, ...words]: readonly string[]): boolean {
  const rest = words.filter((word) => word !== '--help' && word !== '--version')
  const start = ['credctl', ...rest].join(' ').replace(/ ?[|…(].*$/, '')
  return [...help.keys()].some((route) => route.startsWith(start)) || /[A-Z<…]/.test(rest[0] ?? '')
}

describe.each(pages)('%s', (page) => {
  test('shows only commands and flags that there are', async () => {
    const lines = commandLines(await readFile(page, 'utf8'))
    expect(lines.flatMap((line) => problemIn(line) ?? [])).toEqual([])
  })
})

test('every command is typed in a session', async () => {
  const sessions = globSync('test/cli/{sessions,broker-sessions}/*.txt')
  const texts = await Promise.all(sessions.map((file) => readFile(file, 'utf8')))
  const typed = texts.join('\n').replaceAll(/^\$ credctl as \S+ /gm, '$ credctl ')
  const missing = [...help.keys()].filter((route) => !typed.includes(`\n$ ${route}`))
  expect(missing).toEqual([])
})

describe.each([...help])('%s --help', (route, text) => {
  test('shows examples of itself, with flags that there are', () => {
    const [, examples = ''] = /^Examples:\n((?: {2}.*\n)+)/m.exec(text) ?? []
    const lines = examples.split('\n').map((line) => line.trim().split(/ (?:#|<|>|\|) ?/)[0] ?? '')
    const own = lines.filter((line) => line === route || line.startsWith(`${route} `))
    expect(own.flatMap((line) => problemIn(line) ?? [])).toEqual([])
    // Others start this one: a profile of AWS, a program that speaks MCP.
    expect(own.length > 0 || text.includes('credential_process')).toBe(true)
  })
})

test('the check knows a wrong command and a wrong flag', () => {
  expect(
    commandLines('`npx credctl scpe lint` and\n```sh\ncredctl scope lint --nope # x\n```\n'),
  ).toEqual(['credctl scope lint --nope', 'credctl scpe lint'])
  expect(problemIn('credctl scpe lint')).toBe('no command: credctl scpe lint')
  expect(problemIn('credctl scope lint --nope')).toBe('credctl scope lint has no --nope')
  expect(problemIn('credctl exec --scope s --env e -- ls --nope')).toBeUndefined()
})
