import { readFileSync } from 'node:fs'
import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createMetrics, watchIssuers } from '../../src/metrics.ts'
import { createExportMetrics, watchExports } from '../../src/publish/export/export-metrics.ts'
import { HeadWatch } from '../../src/publish/head-watch.ts'
import type { Publisher } from '../../src/publish/publish.ts'
import { createPublishMetrics, watchPublisher } from '../../src/publish/publish-metrics.ts'
import { writeLog } from '../ledger/file-log.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}

const file = parse(readFileSync('infra/prometheus/alerts.yaml', 'utf8')) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[]
}
const rules = file.groups.flatMap((group) => group.rules)

/** Every metric of a broker, by name, with the labels that it has. */
function metricsOfABroker(): Map<string, readonly string[]> {
  const now = () => new Date()
  const metrics = createMetrics()
  const { registry } = metrics
  watchIssuers(metrics, () => ({}))
  createPublishMetrics(registry)
  const published = { witnessing: { names: [], view: {} }, anchorings: [{ name: 'git' }] }
  watchPublisher(registry, published as unknown as Publisher, now)
  createExportMetrics(registry)
  watchExports(registry, [], now)
  new HeadWatch(writeLog([]), registry, now)
  const known = new Map<string, readonly string[]>()
  for (const metric of registry.getMetricsAsArray()) {
    const {
      name,
      type,
      labelNames = [],
    } = metric as unknown as {
      name: string
      type: string
      labelNames?: string[]
    }
    const parts = type === 'histogram' ? ['_bucket', '_count', '_sum'] : ['']
    for (const part of parts) known.set(name + part, [...labelNames, 'le'])
  }
  return known
}

const known = metricsOfABroker()

function nodesOf(text: string, ...names: readonly string[]): SyntaxNode[] {
  const found: SyntaxNode[] = []
  parser.parse(text).iterate({
    enter: ({ node, type }) => {
      if (names.includes(type.name) || (names.includes('error') && type.isError)) found.push(node)
    },
  })
  return found
}

const textOf = (text: string, { from, to }: SyntaxNode) => text.slice(from, to)

test('the parser finds what is wrong', () => {
  expect(nodesOf('sum(rate(x[5m])) > 0', 'error')).toEqual([])
  for (const wrong of ['sum(rate(x[5m]) > 0', 'x{a=b}', 'sum by (x']) {
    expect(nodesOf(wrong, 'error').length, wrong).toBeGreaterThan(0)
  }
})

test('alerts have names of their own', () => {
  expect(rules.length).toBeGreaterThan(8)
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
})

describe.each(rules)('$alert', ({ expr, labels, annotations, for: pending }) => {
  test('is a PromQL expression', () => {
    expect(nodesOf(expr, 'error').map((node) => textOf(expr, node))).toEqual([])
  })

  test('asks for metrics that a broker has, by labels that they have', () => {
    const selectors = nodesOf(expr, 'VectorSelector')
    expect(selectors.length).toBeGreaterThan(0)
    for (const selector of selectors) {
      const [name = ''] = nodesOf(expr, 'Identifier')
        .filter(({ from, to }) => from >= selector.from && to <= selector.to)
        .map((node) => textOf(expr, node))
      expect([...known.keys()]).toContain(name)
      const matched = nodesOf(expr, 'LabelName')
        .filter(({ from, to }) => from >= selector.from && to <= selector.to)
        .map((node) => textOf(expr, node))
      expect(known.get(name)).toEqual(expect.arrayContaining(matched))
    }
  })

  test('shows labels that its expression keeps', () => {
    const kept = nodesOf(expr, 'GroupingLabels').map((node) => textOf(expr, node))
    const text = annotations.summary + annotations.description
    for (const [, label = ''] of text.matchAll(/\$labels\.(\w+)/g)) {
      expect(kept.join()).toMatch(new RegExp(`\\b${label}\\b`))
    }
  })

  test('says what happened and what to do, and how bad it is', () => {
    expect(['warning', 'critical']).toContain(labels.severity)
    expect(annotations.summary.length).toBeGreaterThan(10)
    expect(annotations.description).toMatch(/\.$/)
    if (pending !== undefined) expect(pending).toMatch(/^\d+[smh]$/)
  })
})

test('a metric is registered once', () => {
  const registry = new Registry()
  createExportMetrics(registry)
  expect(() => createExportMetrics(registry)).toThrow()
})
