/**
 * How far a list of action names may be shortened: not at all, to prefixes that end at a word
 * (`GetBucket*`), or to any prefix.
 */
export type Shortening = 'none' | 'words' | 'letters'

/**
 * Patterns that match every name to include and none to avoid. Names in neither list may be
 * matched: what they are is the caller's business. A name to include may itself be a pattern that
 * ends in `*`. Deterministic; compares without case, as IAM does.
 */
export function coverNames(
  include: readonly string[],
  avoid: readonly string[],
  shortening: Shortening,
): string[] {
  const sorted = [...new Set(include)].sort()
  return shortening === 'none' ? sorted : coverPrefix('', sorted, avoid, shortening)
}

function coverPrefix(
  prefix: string,
  include: readonly string[],
  avoid: readonly string[],
  shortening: Shortening,
): string[] {
  const [only, ...others] = include
  if (only === undefined) return []
  if (others.length === 0 && shortening === 'words') return [only]
  const near = avoid.filter((name) => startsWith(name, prefix))
  if (near.length === 0) return [shorter(prefix, include)]
  if (include.includes(prefix)) {
    const rest = include.filter((name) => name !== prefix)
    return [prefix, ...coverPrefixes(prefix, rest, near, shortening)]
  }
  return coverPrefixes(prefix, include, near, shortening)
}

function coverPrefixes(
  prefix: string,
  include: readonly string[],
  avoid: readonly string[],
  shortening: Shortening,
): string[] {
  const groups = Map.groupBy(include, (name) => nextStep(name, prefix.length, shortening))
  return [...groups].flatMap(([next, names]) => coverPrefix(next, names, avoid, shortening))
}

function startsWith(name: string, prefix: string): boolean {
  return name.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase()
}

/** A pattern is only worth it when it is shorter than the names it stands for. */
function shorter(prefix: string, include: readonly string[]): string {
  const only = include.length === 1 ? include[0] : undefined
  return only !== undefined && only.length <= prefix.length + 1 ? only : `${prefix}*`
}

/** The prefix one step longer: by a letter, or by a word of CamelCase. */
function nextStep(name: string, length: number, shortening: Shortening): string {
  if (shortening === 'letters') return name.slice(0, length + 1)
  const rest = name.slice(length)
  const word = /^.[^A-Z]*/.exec(rest)?.[0] ?? rest
  return name.slice(0, length + word.length)
}
