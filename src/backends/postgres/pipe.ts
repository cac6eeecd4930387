import { outOfStep } from './faults.js'
import type { PostgresClient, PostgresStatement } from './postgres-pool.js'

/** The rows of an answer. */
export type Answer = readonly unknown[]

/** A statement, and how its answer is known: by the columns of its one row, or by what the server says that it did. */
export interface Asked extends PostgresStatement {
  readonly columns?: readonly string[] | undefined
  readonly command?: string
}

/**
 * The statements of one transaction, on one connection. Where the connection sends each at once, those that do not need
 * the answer of the one before follow it without waiting. The server still runs them one after the other, and after an
 * error none of the same transaction.
 */
export class Pipe {
  readonly #client: PostgresClient
  #posted: Array<Promise<Answer>> = []

  constructor(client: PostgresClient) {
    this.#client = client
  }

  /** Sends a statement that answers nothing. Where it is not waited for, its error comes with the next answer. */
  async post(statement: Asked): Promise<void> {
    const sent = this.#send(statement)
    if (this.#client.pipeline !== true) return void (await sent)
    // Whoever asks next hears of it.
    sent.catch(() => {})
    this.#posted.push(sent)
  }

  /** Sends statements, and waits for all of them. @throws the first error in the order in which they were sent */
  async ask(...statements: readonly Asked[]): Promise<readonly Answer[]> {
    const answers: Answer[] = []
    if (this.#client.pipeline !== true) {
      for (const statement of statements) answers.push(await this.#send(statement))
      return answers
    }
    const sent = statements.map((statement) => this.#send(statement))
    // All have ended before anything is rolled back. What failed after the first error only says that there was one.
    const ended = await Promise.allSettled([...this.#posted.splice(0), ...sent])
    for (const each of ended) {
      if (each.status === 'rejected') throw each.reason
      answers.push(each.value)
    }
    return answers.slice(-statements.length)
  }

  async #send({ columns = [], command, ...statement }: Asked): Promise<Answer> {
    const answer = await this.#client.query(statement)
    // A row of another statement would be taken for an empty table, and its end for a commit.
    const isOther = columns.some((column) => !Object.hasOwn(Object(answer.rows?.[0]) as object, column))
    if (isOther || (command !== undefined && (answer.command ?? command) !== command)) throw outOfStep()
    return answer.rows
  }
}
