import type { Settled } from './decide.js'
import type { StoreCall } from './store-call.js'

/** No transaction decides on more requests. */
const MOST = 1_000

interface Job {
  readonly call: StoreCall
  readonly settle: (answer: Settled) => void
}

/**
 * Requests wait here while a transaction runs, and all that wait are decided in the next: so the disk is waited for
 * once for many. They are decided in the order in which they came.
 */
export class GroupCommit {
  readonly #run: (calls: readonly StoreCall[]) => Promise<readonly Settled[]>
  #waiting: Job[] = []
  #idle: Promise<void> | undefined
  #last: Promise<unknown> | undefined

  constructor(run: (calls: readonly StoreCall[]) => Promise<readonly Settled[]>) {
    this.#run = run
  }

  /** Resolves when nothing waits or runs. */
  get idle(): Promise<void> {
    return this.#idle ?? Promise.resolve()
  }

  /** Decides on a request, with others; rejects where it throws, or where the database fails. */
  add(call: StoreCall): Promise<unknown> {
    const answered = new Promise((resolve, reject) => {
      this.#waiting.push({
        call,
        settle: (answer) => ('error' in answer ? reject(answer.error) : resolve(answer.value)),
      })
      this.#idle ??= this.#drain()
    })
    this.#last = answered
    return answered
  }

  /** Resolves when all that was asked before is answered. */
  async answered(): Promise<void> {
    await this.#last?.catch(() => {})
  }

  async #drain(): Promise<void> {
    // A turn of the event loop: whoever was answered may ask again, and is decided with the others.
    for (await turn(); this.#waiting.length > 0; await turn()) {
      const jobs = this.#waiting.splice(0, MOST)
      await this.#decide(jobs)
    }
    this.#idle = undefined
    this.#last = undefined
  }

  async #decide(jobs: readonly Job[]): Promise<void> {
    let answers: readonly Settled[]
    try {
      answers = await this.#run(jobs.map(({ call }) => call))
    } catch (error) {
      answers = jobs.map(() => ({ error }))
    }
    for (const [i, { settle }] of jobs.entries()) settle(answers[i] as Settled)
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
