import { describe, expect, test } from 'vitest'
import { chain, isNode, parseFile, propertyOf, readSources, type SourceFile } from './source.ts'

const files = readSources()

/**
 * The flow, left to right: a module imports only from its own place or from one further left.
 * What stands together in one row is one place.
 */
const FLOW = [
  ['errors.ts', 'canonical.ts', 'clock.ts', 'freeze.ts', 'metrics.ts'],
  ['document'],
  ['secret'],
  ['embedded'],
  ['environment'],
  ['vault'],
  ['identity'],
  ['scope'],
  ['config', 'config.ts'],
  ['secrets.ts'],
  ['plan'],
  ['decision'],
  ['ledger'],
  ['publish'],
  ['approval'],
  ['slack', 'github'],
  ['mint'],
  ['lifecycle'],
  ['broker.ts'],
  ['contract', 'contract.ts'],
  ['access.ts'],
  ['client'],
  ['console'],
  ['api'],
  ['start'],
  ['main.ts'],
  ['cli'],
]

function placeOf(file: string): number {
  const [first = ''] = file.split('/')
  return FLOW.findIndex((row) => row.includes(first))
}

function offences(find: (file: SourceFile) => readonly string[]): string[] {
  return files.flatMap((file) => find(file).map((what) => `${file.name}: ${what}`))
}

describe('imports', () => {
  test('every file has its place in the flow', () => {
    expect(files.length).toBeGreaterThan(50)
    expect(files.map(({ name }) => name).filter((name) => placeOf(name) < 0)).toEqual([])
  })

  test('lead from right to left only', () => {
    const wrong = offences(({ name, imports }) =>
      imports.flatMap(({ target, specifier }) =>
        target !== undefined && placeOf(target) > placeOf(name) ? [`imports ${specifier}`] : [],
      ),
    )
    expect(wrong).toEqual([])
  })

  test('never leave src', () => {
    expect(
      offences(({ imports }) =>
        imports.flatMap(({ target }) => (target?.startsWith('..') ? [target] : [])),
      ),
    ).toEqual([])
  })

  test('hide no edge from the reader: dynamic ones name an npm package, or stand in main and cli', () => {
    const wrong = offences(({ name, imports }) =>
      imports.flatMap(({ dynamic, specifier }) => {
        if (!dynamic || placeOf(name) >= placeOf('main.ts')) return []
        return /^(@[a-z0-9-]+\/)?[a-z0-9-]+$/.test(specifier) ? [] : [`import(${specifier})`]
      }),
    )
    expect(wrong).toEqual([])
    const requires = offences(({ nodes }) =>
      nodes.flatMap(({ node, parents }) => {
        const name = node.type === 'CallExpression' ? chain(node['callee']) : undefined
        if (name === 'require') return [name]
        // Finding where a package lies is not loading it.
        const parent = parents.at(-1)
        const resolves = parent !== undefined && propertyOf(parent) === 'resolve'
        return name === 'createRequire' && !resolves ? [name] : []
      }),
    )
    expect(requires).toEqual([])
  })

  test('form no cycle at run time', () => {
    const edges = new Map(files.map((file) => [file.name, runtimeTargets(file)]))
    const done = new Set<string>()
    const visit = (name: string, path: readonly string[]): string[] => {
      if (path.includes(name)) return [[...path.slice(path.indexOf(name)), name].join(' → ')]
      if (done.has(name)) return []
      const found = (edges.get(name) ?? []).flatMap((next) => visit(next, [...path, name]))
      done.add(name)
      return found
    }
    expect(files.flatMap(({ name }) => visit(name, []))).toEqual([])
  })
})

function runtimeTargets({ imports }: SourceFile): string[] {
  return imports.flatMap(({ target, typeOnly, dynamic }) =>
    target === undefined || typeOnly || dynamic ? [] : [target],
  )
}

describe('plan and decision are pure', () => {
  const PURE = ['plan', 'decision']
  const pure = files.filter(({ name }) => PURE.includes(name.split('/')[0] ?? ''))
  const MAY_IMPORT = [
    ...PURE,
    'scope',
    'document',
    'environment',
    'identity',
    'errors.ts',
    'canonical.ts',
    'freeze.ts',
  ]

  /** Arithmetic of calendars and zones: all of it pure but `Temporal.Now`, which is refused below. */
  const CALENDARS = 'temporal-polyfill'

  test('they import no package at run time but one, and only what is pure of ours', () => {
    const wrong = pure.flatMap(({ name, imports }) =>
      imports.flatMap(({ specifier, target, typeOnly }) => {
        if (typeOnly || specifier === CALENDARS || MAY_IMPORT.includes(target?.split('/')[0] ?? ''))
          return []
        return [`${name}: ${specifier}`]
      }),
    )
    expect(wrong).toEqual([])
  })

  test('nothing they reach touches a file, a socket or a process', () => {
    const byName = new Map(files.map((file) => [file.name, file]))
    const reached = new Set<string>()
    const queue = pure.map(({ name }) => name)
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      const file = byName.get(name)
      if (file === undefined || reached.has(name)) continue
      reached.add(name)
      queue.push(...runtimeTargets(file))
    }
    const packages = [...reached].flatMap((name) =>
      (byName.get(name)?.imports ?? [])
        .filter(({ target, typeOnly }) => target === undefined && !typeOnly)
        .map(({ specifier }) => specifier),
    )
    // Hashing, the canonical form, schemas, YAML positions, linear-time patterns: all of them pure.
    const allowed = ['node:crypto', 'node:net', 'canonicalize', 're2js', 'yaml', 'zod', CALENDARS]
    expect(packages.filter((each) => !allowed.includes(each))).toEqual([])
  })

  test('they read no clock, no randomness, no process and no network', () => {
    const IMPURE = new Set(
      'fetch process performance crypto globalThis setTimeout setInterval setImmediate queueMicrotask eval Function require console WebSocket'.split(
        ' ',
      ),
    )
    const wrong = pure.flatMap(({ name, nodes }) =>
      nodes.flatMap(({ node, parents }) => {
        const parent = parents.at(-1)
        if (node.type === 'NewExpression' && chain(node['callee']) === 'Date') {
          return Array.isArray(node['arguments']) && node['arguments'].length === 0
            ? [`${name}: new Date()`]
            : []
        }
        if (node.type === 'CallExpression' && chain(node['callee']) === 'Date') {
          return [`${name}: Date()`]
        }
        const text = node.type === 'MemberExpression' ? chain(node) : undefined
        const isImpure = ['Date.now', 'Math.random', 'Temporal.Now'].includes(text ?? '')
        if (isImpure) return [`${name}: ${text}`]
        if (node.type !== 'Identifier' || !IMPURE.has(String(node['name']))) return []
        const isName =
          parent !== undefined &&
          (parent['property'] === node || parent['key'] === node) &&
          parent['computed'] !== true
        return isName ? [] : [`${name}: ${String(node['name'])}`]
      }),
    )
    expect(wrong).toEqual([])
  })
})

describe('authority', () => {
  test('a grant is constructed in one place: decide', () => {
    const made = offences(({ nodes }) =>
      nodes.flatMap(({ node, parents }) => {
        if (node.type !== 'NewExpression' || chain(node['callee']) !== 'AllowedGrant') return []
        return [functionNames(parents).join('.')]
      }),
    )
    expect(made).toEqual(['decision/decide.ts: decide'])
  })

  test('the class of grants is not exported, nor extended, nor reached through an instance', () => {
    const decide = files.find(({ name }) => name === 'decision/decide.ts')
    const exported = (decide?.nodes ?? []).filter(
      ({ node, parents }) =>
        node.type === 'ClassDeclaration' && parents.at(-1)?.type.startsWith('Export'),
    )
    expect(exported).toEqual([])
    const reached = offences(({ nodes }) =>
      nodes.flatMap(({ node }) =>
        node.type === 'MemberExpression' && propertyOf(node) === 'constructor'
          ? ['.constructor']
          : [],
      ),
    )
    expect(reached).toEqual([])
  })

  test('one function calls mint', () => {
    const calls = offences(({ nodes }) =>
      nodes.flatMap(({ node, parents }) => {
        if (node.type !== 'CallExpression' || !isNode(node['callee'])) return []
        const callee = node['callee']
        if (callee.type !== 'MemberExpression') return []
        // `x.mint(…)`, `x['mint'](…)`, `x.mint.call(…)` and its kin.
        const own = propertyOf(callee)
        const inner = isNode(callee['object']) ? propertyOf(callee['object']) : undefined
        const indirect = inner === 'mint' && ['call', 'apply', 'bind'].includes(own ?? '')
        return own === 'mint' || indirect ? [functionNames(parents).join('.')] : []
      }),
    )
    expect(calls).toEqual(['mint/mint.ts: mintCredential'])
  })

  test('what a mint prepares, it prepares for redemption alone', () => {
    const calls = offences(({ nodes }) =>
      nodes.flatMap(({ node, parents }) =>
        node.type === 'CallExpression' &&
        isNode(node['callee']) &&
        node['callee'].type === 'MemberExpression' &&
        propertyOf(node['callee']) === 'prepare'
          ? [functionNames(parents).join('.')]
          : [],
      ),
    )
    expect(calls).toEqual(['lifecycle/redemption.ts: preparedHandle'])
  })

  test('mintCredential is called by redemption alone, after decide', () => {
    const calls = offences(({ nodes }) =>
      nodes.flatMap(({ node }) =>
        node.type === 'CallExpression' && chain(node['callee']) === 'mintCredential'
          ? ['call']
          : [],
      ),
    )
    expect(calls).toEqual(['lifecycle/redemption.ts: call'])
  })

  test('the environment of the process is read in main and cli only', () => {
    const wrong = offences(({ name, nodes, imports }) => {
      if (placeOf(name) >= placeOf('main.ts')) return []
      const used = nodes.some(
        ({ node }) => node.type === 'MemberExpression' && chain(node) === 'process.env',
      )
      const imported = imports.some(({ specifier }) => /^(node:)?process$/.test(specifier))
      return used || imported ? ['process.env'] : []
    })
    expect(wrong).toEqual([])
  })
})

function functionNames(parents: SourceFile['nodes'][number]['parents']): string[] {
  return parents.flatMap((node) => {
    const named = /Function|MethodDefinition/.test(node.type) ? (node['id'] ?? node['key']) : null
    return isNode(named) ? [String(named['name'])] : []
  })
}

describe('the code', () => {
  test('is never cast past the compiler', () => {
    const wrong = offences(({ nodes, comments }) => [
      ...nodes.flatMap(({ node, parents }) => {
        if (node.type === 'TSAnyKeyword') return ['any']
        if (node.type === 'TSNonNullExpression') return ['!']
        const inner = node['expression']
        const double = /TSAs|TSTypeAssertion/.test(node.type) && isNode(inner) ? inner.type : ''
        return /TSAs|TSTypeAssertion/.test(double) ? [`double cast in ${parents.length}`] : []
      }),
      ...comments.filter((text) => /@ts-|biome-ignore|eslint-|v8 ignore|istanbul/.test(text)),
    ])
    expect(wrong).toEqual([])
  })

  test('has no drawers for what has no name', () => {
    const JUNK =
      /(^|[/.-])(utils?|helpers?|shared|common|libs?|types|misc|constants|manager|service|factory)([/.-]|s?\.ts$)/i
    expect(files.map(({ name }) => name).filter((name) => JUNK.test(name))).toEqual([])
    const classes = offences(({ nodes }) =>
      nodes.flatMap(({ node }) => {
        const name = node.type === 'ClassDeclaration' && isNode(node['id']) ? node['id'] : undefined
        const text = String(name?.['name'] ?? '')
        return /(Manager|Service|Factory|Helper|Util)$/.test(text) ? [text] : []
      }),
    )
    expect(classes).toEqual([])
  })

  test('has one concept a file: none is longer than 300 lines', () => {
    expect(offences(({ lines }) => (lines > 300 ? [`${lines} lines`] : []))).toEqual([])
  })

  test('leaves nothing for later', () => {
    expect(
      offences(({ comments }) => comments.filter((text) => /\b(TODO|FIXME|XXX|HACK)\b/.test(text))),
    ).toEqual([])
  })
})

describe('this scan', () => {
  const parsed = parseFile(
    'plan/attack.ts',
    [
      "import type { A } from '../broker.ts'",
      "import { type B, c } from '../mint/mint.ts'",
      "export { d } from '../cli/exec.ts'",
      "export * from './plan.ts'",
      "const lazy = await import('../api/app.ts')",
      "const shape: import('../ledger/entry.ts').Entry = c?.['mint'](lazy)",
    ].join('\n'),
  )

  test('sees every way of writing an import', () => {
    expect(
      parsed.imports.map(({ target, typeOnly, dynamic }) => [target, typeOnly, dynamic]),
    ).toEqual([
      ['broker.ts', true, false],
      ['mint/mint.ts', false, false],
      ['cli/exec.ts', false, false],
      ['plan/plan.ts', false, false],
      ['api/app.ts', false, true],
      ['ledger/entry.ts', true, false],
    ])
  })

  test('sees a member behind ?. and in brackets', () => {
    const calls = parsed.nodes.filter(
      ({ node }) => node.type === 'MemberExpression' && propertyOf(node) === 'mint',
    )
    expect(calls).toHaveLength(1)
  })
})
