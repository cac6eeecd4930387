import { BudgetError } from '../../core/errors.js'
import { stepsAsJson, type Step } from './step.js'

/** How many requests one script takes. */
const BATCH = 512
/** How many scripts of a partition are under way at once: while one is answered, the next is on its way. */
const LANES = 2
/** How many requests may wait. */
const WAITING = 100_000
/** After so many steps that did nothing but end what was due, something is wrong. */
const SWEEPS = 100_000

/** Runs one script; answers with its JSON. */
export type RunScript = (requests: string) => Promise<string>

/** What the script says to one request: words, and numbers as text. */
export type Told = ReadonlyArray<string | boolean | readonly string[]>

interface Waiting {
  readonly step: Step
  readonly resolve: (told: Told) => void
  readonly reject: (error: unknown) => void
}

/**
 * The requests of one partition. What is asked in one turn of the event loop, or while the lanes are taken, goes into
 * one script: one round trip, one look at each budget. A request alone goes at once, alone.
 */
export class Batcher {
  readonly #run: RunScript
  readonly #size: number
  readonly #most: number
  #waiting: Waiting[] = []
  #lanes = 0
  #isScheduled = false

  constructor(run: RunScript, { size = BATCH, lanes = LANES } = {}) {
    this.#run = run
    this.#size = size
    this.#most = lanes
  }

  /** Asks. Rejects with the client's error when there was no answer: the same request may then be sent again. */
  ask(step: Step): Promise<Told> {
    if (this.#waiting.length >= WAITING) {
      return Promise.reject(
        new BudgetError({ code: 'timeout', message: `Expected at most ${WAITING} requests to wait for Redis` }),
      )
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ step, resolve, reject })
      if (this.#isScheduled) return
      this.#isScheduled = true
      queueMicrotask(() => this.#next())
    })
  }

  #next(): void {
    this.#isScheduled = false
    while (this.#lanes < this.#most && this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#size)
      this.#lanes++
      void this.#send(batch).finally(() => {
        this.#lanes--
        this.#next()
      })
    }
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    try {
      const told = await this.#ask(batch)
      for (const [n, { resolve }] of batch.entries()) resolve(told[n] as Told)
    } catch (error) {
      // A script decides before it writes. One that fails over one request has done nothing for the others.
      const isOfOne = batch.length > 1 && (isRefused(error) || isScriptFault(error))
      for (const each of batch) {
        if (isOfOne) await this.#send([each])
        else each.reject(isRefused(error) ? misuse(error) : error)
      }
    }
  }

  async #ask(batch: readonly Waiting[]): Promise<readonly Told[]> {
    const requests = stepsAsJson(batch.map(({ step }) => step))
    for (let sweeps = 0; sweeps < SWEEPS; sweeps++) {
      const told = JSON.parse(await this.#run(requests)) as 'again' | readonly Told[]
      if (told !== 'again') return told
    }
    throw new Error(`Expected what is due to come to an end, and it did not after ${SWEEPS} steps`)
  }
}

/** Whether the script itself would not take a request. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && error.message.includes('mcp-budget: expected')
}

/**
 * Whether the server says that a script failed. Not so a server that takes no commands now: that is `store_unavailable`
 * by then, and of all requests.
 */
function isScriptFault(error: unknown): boolean {
  return error instanceof Error && /^ERR .*(?:running script|user_script)/s.test(error.message)
}

function misuse(error: unknown): BudgetError {
  const message = 'Expected numbers from 0 to 2^53−1, got another'
  return new BudgetError({ code: 'invalid_request', message, cause: error })
}
