import type { AnswerRow } from './rows.js'
import type { Answered, AnswerTable } from '../engine/records.js'

/** The answers of one verb that the requests of a step ask for again, and those that it gives. */
export class LoadedAnswers<Answer> implements AnswerTable<Answer> {
  readonly #byId = new Map<string, Answered<Answer>>()
  readonly #verb: string
  readonly made: AnswerRow[] = []

  constructor(verb: string) {
    this.#verb = verb
  }

  load({ id, payload, answer }: AnswerRow): void {
    this.#byId.set(id, { payload, answer: JSON.parse(answer) as Answer })
  }

  get(id: string): Answered<Answer> | undefined {
    return this.#byId.get(id)
  }

  set(id: string, answered: Answered<Answer>, now: number): void {
    this.#byId.set(id, answered)
    const { payload, answer } = answered
    this.made.push({ verb: this.#verb, id, at: now, payload, answer: JSON.stringify(answer) })
  }
}
