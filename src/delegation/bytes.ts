/** Bytes in one piece. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Text whose code units are bytes, as bytes. A code unit above 255 is not one, and would lose its upper half. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** Bytes as text of one code unit each, so that different bytes are different text. */
export function textOf(bytes: Uint8Array): string {
  let text = ''
  // In pieces, for a call takes no more arguments than the stack has room for; and not spread, which would go one by one.
  for (let i = 0; i < bytes.length; i += 4_096) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + 4_096) as unknown as number[])
  }
  return text
}

/**
 * Whether two byte strings are the same, in a time that tells nothing of where they differ. Secrets of this library
 * have one length, so a difference in length is no secret.
 */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}
