import { globSync } from 'node:fs'
import { access, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { formatDiagnostic } from '../../src/document/diagnostic.ts'
import { parseSource } from '../../src/document/document.ts'
import { planScope } from '../../src/plan/plan.ts'
import { loadCatalog } from '../../src/scope/catalog.ts'
import { scopeSchema } from '../../src/scope/scope.ts'

const inDocs = (await readdir('docs')).filter((name) => name.endsWith('.md'))
const inExamples = globSync('examples/**/*.md')
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...inDocs.map((name) => `docs/${name}`),
  ...inExamples,
]
const CONFIGURATIONS = ['credctl.yaml', 'credctl.example.yaml']

describe.each(PAGES)('%s', (page) => {
  it('links only to files that exist', async () => {
    const text = await readFile(page, 'utf8')
    const targets = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(
      ([, target = '']) => target,
    )
    const local = targets.filter((target) => !/^[a-z]+:/.test(target))
    const missing: string[] = []
    for (const target of local) {
      await access(join(dirname(page), target)).catch(() => missing.push(target))
    }
    expect(missing).toEqual([])
  })
})

describe.each(PAGES)('%s', (page) => {
  it('links only to headings that exist', async () => {
    const text = await readFile(page, 'utf8')
    const targets = [...text.matchAll(/\]\(([^):\s]*\.md|)#([^)\s]+)\)/g)]
    const missing: string[] = []
    for (const [, file = '', anchor = ''] of targets) {
      const other = file === '' ? text : await readFile(join(dirname(page), file), 'utf8')
      if (!anchorsIn(other).includes(anchor)) missing.push(`${file}#${anchor}`)
    }
    expect(missing).toEqual([])
  })
})

/** As GitHub makes them of headings. */
function anchorsIn(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe('the index of docs/', () => {
  it('names every page', async () => {
    const text = await readFile('docs/README.md', 'utf8')
    const pages = inDocs.filter((name) => name !== 'README.md')
    expect(pages.filter((name) => !text.includes(`](${name})`))).toEqual([])
  })
})

describe('the scope in the README', () => {
  it('is one that credctl accepts', async () => {
    const text = await readFile('README.md', 'utf8')
    const yaml = /```yaml\n(.*?)```/s.exec(text)?.[1] ?? ''
    const parsed = parseSource('README.md', yaml, scopeSchema)
    expect(parsed.ok ? [] : parsed.diagnostics.map(formatDiagnostic)).toEqual([])
  })
})

describe.each(CONFIGURATIONS)('%s', (file) => {
  it('loads, and every example scope has a plan in every environment it lists', async () => {
    const parsed = await parseConfig(file, await readFile(file, 'utf8'))
    if (!parsed.ok) throw new Error(parsed.diagnostics.map(formatDiagnostic).join('\n'))
    const loaded = await loadCatalog('task-scopes')
    if (!loaded.ok) throw new Error(loaded.diagnostics.map(formatDiagnostic).join('\n'))
    const problems: string[] = []
    for (const { scope } of loaded.catalog.scopes.values()) {
      const names = Object.keys(scope.parameters)
      const parameters = Object.fromEntries(names.map((name) => [name, 'ORD-1']))
      for (const name of scope.environments) {
        const environment = parsed.config.environments.get(name)
        const planned = environment && planScope(scope, environment, parameters)
        if (planned?.ok !== true) problems.push(`${scope.name} in ${name}`)
      }
    }
    expect(problems).toEqual([])
  })
})
