/** Answers are remembered for so long, or until there are so many others: whichever is sooner, at least. */
export const REMEMBERED = { ms: 600_000, entries: 100_000 } as const

/**
 * What is remembered by an id, so that a repeated request gets the first answer: for at least ten minutes or the last
 * 100,000, and never more than 200,000. Forgotten a whole generation at a time, when something new comes, which costs
 * nothing: what is old is never looked at again.
 */
export class ReplayMemory<Value> {
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()
  #began = -Infinity
  /** Ids are minted in rising order: one that comes after all others is new, and needs no look. */
  #highest = ''

  get(id: string): Value | undefined {
    if (this.#isNew(id)) return undefined
    return this.#young.get(id) ?? this.#old.get(id)
  }

  /** Remembers; answers with what was forgotten for it. */
  set(id: string, value: Value, now: number): Iterable<Value> {
    const isFull = this.#young.size >= REMEMBERED.entries || now - this.#began >= REMEMBERED.ms
    const forgotten = isFull ? this.#old.values() : []
    if (isFull) {
      this.#old = this.#young
      this.#young = new Map()
      this.#began = now
    }
    if (this.#isNew(id)) this.#highest = id
    this.#young.set(id, value)
    return forgotten
  }

  #isNew(id: string): boolean {
    const { length } = this.#highest
    return id.length > length || (id.length === length && id > this.#highest)
  }
}
