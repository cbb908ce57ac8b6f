import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { CELLS, type Cell, decideCell } from '../../scripts/generate-matrix.ts'

interface Expected extends Cell {
  readonly outcome: 'allow' | 'deny' | 'needs_approval'
  readonly reasons?: readonly string[]
}

const rows: Expected[] = parse(readFileSync(new URL('./matrix.yaml', import.meta.url), 'utf8'))

test('the table has every cell exactly once', () => {
  const key = ({ caller, environment, scope }: Cell) => `${caller} ${environment} ${scope}`
  expect(rows.map(key).sort()).toEqual(CELLS.map(key).sort())
})

test.each(rows)('$caller, $environment, $scope: $outcome', (row) => {
  const { decision } = decideCell(row)
  expect(decision.outcome).toBe(row.outcome)
  const codes = decision.reasons.map(({ code }) => code)
  expect(codes).toEqual(row.outcome === 'allow' ? ['allowed'] : row.reasons)
})
