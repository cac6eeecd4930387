import { bytesOf, textOf } from './bytes.js'

/** Bytes as base64url without padding (RFC 4648 §5). */
export function toBase64url(bytes: Uint8Array): string {
  return btoa(textOf(bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/**
 * The bytes of base64url, where the text is the only one that they have: no padding, no other alphabet, no space, and
 * no bits left over that are not zero. Otherwise `undefined`.
 */
export function fromBase64url(text: string): Uint8Array | undefined {
  try {
    // Which takes more than that.
    const bytes = bytesOf(atob(text.replaceAll('-', '+').replaceAll('_', '/')))
    return toBase64url(bytes) === text ? bytes : undefined
  } catch {
    return undefined
  }
}
