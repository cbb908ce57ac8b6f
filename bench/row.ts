/** One measured operation. Times are milliseconds; a ratio is against a baseline of the same run. */
export interface Row {
  readonly operation: string
  readonly count: number
  /** Operations per second over the whole run. */
  readonly rate: number
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  /** What the ratio is against, in words. */
  readonly baseline?: string
  /** Time over the baseline's time at p50, or rate over the baseline's rate: see `ratioOf`. */
  readonly ratio?: number
  readonly ratioOf?: 'p50' | 'rate'
}

/** Sums up individual durations in milliseconds and the wall time of the whole run. */
export function rowOf(operation: string, durations: readonly number[], wallMs: number): Row {
  const sorted = [...durations].sort((a, b) => a - b)
  const at = (quantile: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? 0
  const total = sorted.reduce((sum, duration) => sum + duration, 0)
  return {
    operation,
    count: sorted.length,
    rate: (sorted.length / wallMs) * 1000,
    mean: total / sorted.length,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
  }
}

/** Runs an operation `count` times by `concurrency` loops and times each run. */
export async function measure(
  operation: string,
  options: { readonly count: number; readonly concurrency?: number; readonly warmup?: number },
  run: (index: number) => unknown,
): Promise<Row> {
  const { count, concurrency = 1, warmup = Math.min(50, Math.ceil(count / 10)) } = options
  for (let index = 0; index < warmup; index += 1) await run(-1 - index)
  const durations: number[] = []
  let next = 0
  const loop = async () => {
    for (let index = next++; index < count; index = next++) {
      const started = performance.now()
      await run(index)
      durations.push(performance.now() - started)
    }
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: concurrency }, loop))
  return rowOf(operation, durations, performance.now() - started)
}

/** The same row with its ratio to a baseline row. */
export function against(row: Row, baseline: Row, ratioOf: 'p50' | 'rate' = 'p50'): Row {
  const ratio = ratioOf === 'p50' ? row.p50 / baseline.p50 : row.rate / baseline.rate
  return { ...row, baseline: baseline.operation, ratio, ratioOf }
}
