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

/** The same for a text that has lines and tabs of its own. */
export function printableLines(text: string): string {
  return text.replace(/[^\r\n\t]+/gu, printable)
}

/** JSON, in which such characters are written as escapes: it reads as the same. */
export function printableJson(json: string): string {
  return json.replace(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, i) => escape(character.charCodeAt(i))).join(''),
  )
}

function escape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`
}
