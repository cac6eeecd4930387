import { ReplayMemory } from './replay-memory.js'

/** The answers that were given, by request id, so that a repeated request changes nothing. */
export class Answers<Answer> {
  readonly #known = new ReplayMemory<{ readonly payload: string; readonly answer: Answer }>()

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
    this.#known.set(id, { payload: text, answer }, at)
    return answer
  }
}
