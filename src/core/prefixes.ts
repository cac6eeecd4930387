/** Values by prefix. Finding one looks up each beginning of a name, so it takes no longer the more there are. */
export class Prefixes<Value> {
  readonly #values = new Map<string, Value>()
  #longest = 0

  /** The value at exactly this prefix; `make` makes it where there is none. */
  at(prefix: string, make: () => Value): Value {
    const value = this.#values.get(prefix) ?? make()
    this.#values.set(prefix, value)
    this.#longest = Math.max(this.#longest, prefix.length)
    return value
  }

  /** The value of the longest prefix that `text` begins with. */
  longest(text: string): Value | undefined {
    for (let length = Math.min(text.length, this.#longest); length > 0; length--) {
      const found = this.#values.get(text.slice(0, length))
      if (found !== undefined) return found
    }
    return undefined
  }
}
