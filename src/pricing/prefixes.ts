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
    for (let start = text.slice(0, this.#longest); start !== ''; start = start.slice(0, -1)) {
      const found = this.#values.get(start)
      if (found !== undefined) return found
    }
    return undefined
  }
}
