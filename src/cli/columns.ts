/** Rows as lines, in columns as wide as they need. Columns with a number in them stand right, others left. */
export function columns(rows: ReadonlyArray<ReadonlyArray<string | number>>): readonly string[] {
  const widths: number[] = []
  const isRight: boolean[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, String(cell).length)
      isRight[i] ||= typeof cell === 'number'
    })
  }
  return rows.map((row) => {
    const cells = row.map((cell, i) => {
      const [text, width = 0] = [String(cell), widths[i]]
      return isRight[i] ? text.padStart(width) : text.padEnd(width)
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
