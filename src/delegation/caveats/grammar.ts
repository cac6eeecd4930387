const UINT = /^(?:0|[1-9][0-9]{0,15})$/
const NONCE = /^[A-Za-z0-9_-]{6,32}$/
const HASH = /^[A-Za-z0-9_-]{43}$/
const WORD = /^[\x21-\x7e]{1,256}$/

/** The last second that a date can be written in with four digits of a year. */
export const LAST_SECOND = 253_402_300_799

/** An integer from 0 to 2^53−1, written in its one way. */
export function parseUint(text: string | undefined): number | undefined {
  if (text === undefined || !UINT.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

/** Seconds since 1970, up to the year 9999. */
export function parseSeconds(text: string): number | undefined {
  const seconds = parseUint(text)
  return seconds === undefined || seconds > LAST_SECOND ? undefined : seconds
}

/**
 * Integers with `/` between them, and perhaps a nonce behind, which is there only to make the caveat unlike any other.
 *
 * @param count how many integers
 */
export function parseCounts(text: string, count: number): readonly number[] | undefined {
  const parts = text.split('/')
  const [nonce = 'no_nonce', more] = parts.slice(count)
  const counts = parts.slice(0, count).flatMap((part) => parseUint(part) ?? [])
  return counts.length === count && NONCE.test(nonce) && more === undefined ? counts : undefined
}

/** A SHA-256, 43 characters of base64url. */
export function parseHash(text: string): string | undefined {
  return HASH.test(text) ? text : undefined
}

/** A name of somebody else's choice: 1 to 256 printable ASCII characters without a space. */
export function parseWord(text: string): string | undefined {
  return WORD.test(text) ? text : undefined
}
