/** The first byte of a macaroon of version 2. */
export const VERSION = Uint8Array.of(2)
/** The end of a section. */
export const EOS = Uint8Array.of(0)

/** What a packet holds: its first byte. */
export const LOCATION = 1
export const IDENTIFIER = 2
export const SIGNATURE = 6

/** A packet: its kind, its length, its data. */
export function packet(kind: number, data: Uint8Array): [head: Uint8Array, data: Uint8Array] {
  return [Uint8Array.of(kind, ...varint(data.length)), data]
}

/** A length in groups of seven bits, the lowest first; all but the last have the upper bit set. */
export function varint(length: number): Uint8Array {
  const groups: number[] = []
  let rest = length
  for (; rest > 127; rest >>>= 7) groups.push((rest & 127) | 128)
  return Uint8Array.of(...groups, rest)
}

/** Reads packets, and takes only what {@link packet} writes. What it gives out are views of the bytes it reads. */
export class PacketReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** Whether this byte is next. */
  sees(byte: number): boolean {
    return this.#bytes[this.#at] === byte
  }

  /** Steps over a byte, if it is next. */
  takes([byte]: Uint8Array): boolean {
    if (byte === undefined || !this.sees(byte)) return false
    this.#at++
    return true
  }

  /** The data of the packet that is next; `undefined` when it is of another kind, too long, or cut off. */
  packet(kind: number, most: number): Uint8Array | undefined {
    if (!this.sees(kind)) return undefined
    this.#at++
    const length = this.#varint()
    if (length === undefined || length > most || length > this.#bytes.length - this.#at) return undefined
    return this.#bytes.subarray(this.#at, (this.#at += length))
  }

  #varint(): number | undefined {
    let value = 0
    // Four groups hold more than any limit allows.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) return undefined
      value |= (byte & 127) << shift
      // A last group of zero, after others, says nothing: it is another way to write the same length.
      if (byte < 128) return byte === 0 && shift > 0 ? undefined : value
    }
    return undefined
  }
}
