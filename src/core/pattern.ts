import { misconfigured } from './settings.js'

/** The longest name that is folded: normalising takes time that grows with the square of a name's combining marks. */
export const FOLD_LIMIT = 1_024

const PLAIN_NAME = /^[\w./-]{1,128}$/
const PLAIN_PATTERN = /^[\w./-]{1,127}\*$/
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu

/** Whether a name is one that patterns may match: 1 to 128 of `A–Z a–z 0–9 _ . - /`. */
export function isPlainName(name: string): boolean {
  return PLAIN_NAME.test(name)
}

/**
 * What is left of a name when everything goes that a server may overlook: letter case, width and other compatibility
 * forms, invisible characters, space around it. Two names with the same folding may be the same tool upstream.
 */
export function foldName(name: string): string {
  // Plain text, by far the most, folds to its lower case.
  if (isPlainName(name)) return name.toLowerCase()
  const visible = name.normalize('NFKC').replace(INVISIBLE, '')
  // Upper case first: it spells out what has no capital of its own, such as ß.
  return visible.toUpperCase().toLowerCase().normalize('NFKC').trim()
}

/**
 * What a key of a price list stands for: a name, the names that begin with a prefix, or all names. It is matched as
 * text and never becomes a regular expression.
 *
 * @throws BudgetError `invalid_config` when it is empty, or a `*` stands anywhere but at its end
 */
export function patternKind(key: string, path: string): 'exact' | 'wildcard' | 'catch-all' {
  if (key === '*') return 'catch-all'
  if (PLAIN_PATTERN.test(key)) return 'wildcard'
  if (key !== '' && !key.includes('*')) return 'exact'
  const expected = "a tool's name, `*`, or letters, digits, _ . - or / with one `*` behind"
  throw misconfigured(path, expected, key)
}
