/** How many names each of the two generations holds. */
export const MEMO_NAMES = 1_024

/**
 * Remembers answers by name, for at most two generations of {@link MEMO_NAMES} names: names that somebody makes up
 * push each other out, and memory stays as it is.
 */
export class Memo<Value> {
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()

  get(name: string): Value | undefined {
    const young = this.#young.get(name)
    if (young !== undefined) return young
    const old = this.#old.get(name)
    if (old !== undefined) this.set(name, old)
    return old
  }

  set(name: string, value: Value): void {
    if (this.#young.size >= MEMO_NAMES) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(name, value)
  }

  /** How many answers are kept. */
  get size(): number {
    return this.#young.size + this.#old.size
  }
}
