/** A map that never has more than `most` entries: what was not asked for longest goes first. */
export class BoundedMap<Key, Value> {
  readonly #most: number
  readonly #entries = new Map<Key, Value>()

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    // A map keeps the order in which its keys came.
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#most) this.dropOldest()
  }

  /** Lets the entry go that was not asked for longest; answers with what it was. */
  dropOldest(): Value | undefined {
    for (const [key, value] of this.#entries) {
      this.#entries.delete(key)
      return value
    }
    return undefined
  }
}
