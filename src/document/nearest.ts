/** The candidate that is at most a third different from the text, for "did you mean". */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  let best: { candidate: string; distance: number } | undefined
  for (const candidate of candidates) {
    const allowed = Math.max(1, Math.floor(Math.max(text.length, candidate.length) / 3))
    if (Math.abs(candidate.length - text.length) > allowed) continue
    const distance = editDistance(text.toLowerCase(), candidate.toLowerCase())
    if (distance <= allowed && (best === undefined || distance < best.distance)) {
      best = { candidate, distance }
    }
  }
  return best?.candidate
}

/** Levenshtein distance with one row of memory. */
function editDistance(a: string, b: string): number {
  const row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    let diagonal = row[0] ?? 0
    row[0] = i
    for (let j = 1; j <= b.length; j += 1) {
      const above = row[j] ?? 0
      const substitution = diagonal + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(above + 1, (row[j - 1] ?? 0) + 1, substitution)
      diagonal = above
    }
  }
  return row[b.length] ?? 0
}
