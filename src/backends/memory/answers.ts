const KEEP = { ms: 600_000, entries: 100_000 } as const

/**
 * The answers that were given, by request id, so that a repeated request changes nothing: for ten minutes, or the
 * last 100,000.
 */
export class Answers<Answer> {
  readonly #known = new Map<string, { readonly payload: string; readonly answer: Answer; readonly at: number }>()

  /**
   * The answer to a request: the first one, if it was given before.
   *
   * @param payload what was asked; another under the same id is `reused`
   */
  once(id: string, payload: readonly unknown[], at: number, make: () => Answer, reused: Answer): Answer {
    const text = JSON.stringify(payload)
    const known = this.#known.get(id)
    if (known !== undefined) return known.payload === text ? known.answer : reused
    const answer = make()
    this.#known.set(id, { payload: text, answer, at })
    // A map keeps the order of insertion, so the oldest come first.
    for (const [oldest, { at: since }] of this.#known) {
      if (this.#known.size <= KEEP.entries && since + KEEP.ms > at) break
      this.#known.delete(oldest)
    }
    return answer
  }
}
