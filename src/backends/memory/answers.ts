const KEEP = { ms: 600_000, entries: 100_000 } as const

/**
 * The answers that were given, by request id, so that a repeated request changes nothing: for ten minutes, or the
 * last 100,000.
 */
export class Answers<Answer> {
  readonly #known = new Map<string, { readonly payload: string; readonly answer: Answer; readonly at: number }>()

  /** The answer to this request, if it was given; `id_reused` when the id came with another payload. */
  find(id: string, payload: string): Answer | 'id_reused' | undefined {
    const known = this.#known.get(id)
    if (known === undefined) return undefined
    return known.payload === payload ? known.answer : 'id_reused'
  }

  remember(id: string, payload: string, answer: Answer, at: number): Answer {
    this.#known.set(id, { payload, answer, at })
    // A map keeps the order of insertion, so the oldest come first.
    for (const [oldest, known] of this.#known) {
      if (this.#known.size <= KEEP.entries && known.at + KEEP.ms > at) break
      this.#known.delete(oldest)
    }
    return answer
  }
}
