/** Rows as lines, in columns as wide as they need. Numbers stand right, texts left. */
export function columns(rows: ReadonlyArray<ReadonlyArray<string | number>>): readonly string[] {
  const widths: number[] = []
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, String(cell).length)))
  return rows.map((row) => {
    const cells = row.map((cell, i) => {
      return typeof cell === 'number' ? String(cell).padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)
    })
    return cells.join('  ').trimEnd()
  })
}

/**
 * A text that came from a tool or an agent, fit for a terminal: control characters, with which it could rewrite what
 * stands there, are shown as `?`.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}
