const UNKEPT = /[\0\uD800-\uDFFF\uFFFF]/u
const MARK = '\uFFFF'

/**
 * A text as it stands in a column: what a database cannot keep, such as a NUL or half a character, is written as JSON
 * behind a mark. Different texts stay different.
 */
export function keptText(text: string): string {
  return UNKEPT.test(text) ? MARK + JSON.stringify(text) : text
}

/** Whether what stands in a column is not as its text is. */
export function isMarked(kept: unknown): boolean {
  return typeof kept === 'string' && kept.startsWith(MARK)
}

/** The text of a column. */
export function textOf(kept: string): string {
  return isMarked(kept) ? (JSON.parse(kept.slice(MARK.length)) as string) : kept
}

/**
 * What version 1 of the tables may have kept of a text, and the migration to version 2 has made of it, where no column
 * can hold the text itself.
 */
export function olderTexts(kept: string): readonly string[] {
  if (!isMarked(kept)) return []
  const text = textOf(kept)
  const replaced = JSON.stringify(text).replaceAll('\\u0000', '\\ufffd').replaceAll('\\ud', '\\ufffd')
  return [JSON.parse(replaced) as string, text.replaceAll('\0', '').replace(/[\uD800-\uDFFF]/gu, '\uFFFD')]
}
