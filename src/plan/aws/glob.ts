/**
 * IAM's wildcards: `*` is any text, also across `:` and `/`; `?` is one character. Matching is
 * case-sensitive; callers lower-case what AWS compares without case.
 */
export function globMatches(pattern: string, text: string): boolean {
  if (!hasWildcard(pattern)) return pattern === text
  let at = 0
  let index = 0
  let star = -1
  let resume = 0
  while (index < text.length) {
    const wanted = pattern[at]
    if (wanted === '*') {
      star = at
      at += 1
      resume = index
    } else if (wanted !== undefined && (wanted === '?' || wanted === text[index])) {
      at += 1
      index += 1
    } else if (star >= 0) {
      at = star + 1
      resume += 1
      index = resume
    } else return false
  }
  while (pattern[at] === '*') at += 1
  return at === pattern.length
}

/**
 * True only when everything `narrow` matches, `wide` matches too. Sound, not complete: reading the
 * narrow pattern as text, its wildcards can only be matched by wildcards of the wide one.
 */
export function globCovers(wide: string, narrow: string): boolean {
  // A `?` of the wide pattern must not swallow a `*` of the narrow one: that is any length.
  return globMatches(wide, narrow) && !(wide.includes('?') && narrow.includes('*'))
}

/** True when some text matches both patterns. */
export function globsOverlap(a: string, b: string): boolean {
  // row[j]: the first i characters of a and the first j of b have a common text.
  let row = [...`-${b}`].map((_, length) => /^\**$/.test(b.slice(0, length)))
  for (const left of a) {
    const next = [left === '*' && row[0] === true]
    for (const [j, right] of [...b].entries()) {
      const star = left === '*' || right === '*'
      const same = left === right || left === '?' || right === '?'
      next.push(star ? row[j + 1] === true || next[j] === true : row[j] === true && same)
    }
    row = next
  }
  return row.at(-1) === true
}

export function hasWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('?')
}
