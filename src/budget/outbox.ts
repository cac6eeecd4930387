import type { MaybePromise } from '../core/maybe-promise.js'
import { isUnreached, reach, type Unreached } from './reach.js'
import type { EventSink } from '../core/events.js'
import type { ChargeId } from '../core/ids.js'
import type { Clock } from '../core/clock.js'

/** One end of a charge that must reach the store. */
export interface Posting {
  readonly chargeId: ChargeId
  /** Does it, with an id that makes a repetition harmless. Answers with why not, when the store refuses for good. */
  post(): MaybePromise<string | undefined>
  /** Told when it waits no more. */
  settled?(): void
}

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 30_000

/**
 * Ends of holds that the store has not acknowledged: retried, in order, until it does, so that a known spend is never
 * dropped. Also the journal of an outage under `failMode: { open }`. Lives in this process's memory.
 */
export class Outbox {
  /** In order; a set, because taking the first out of a long array moves all the others. */
  readonly #queue = new Set<Posting>()
  readonly #options: { readonly timeoutMs: number; readonly clock: Clock; readonly events: EventSink }
  readonly #onDrained: (posted: number, failed: number) => void
  #attempt = 0
  #posted = 0
  #failed = 0
  #cancelTimer: (() => void) | undefined
  #running: Promise<void> | undefined

  constructor(
    options: { readonly timeoutMs: number; readonly clock: Clock; readonly events: EventSink },
    onDrained: (posted: number, failed: number) => void,
  ) {
    this.#options = options
    this.#onDrained = onDrained
  }

  /** How many ends wait. */
  get size(): number {
    return this.#queue.size
  }

  /** Queues an end for retry; `cause` is why it did not go through at once. */
  add(posting: Posting, cause: unknown): void {
    this.#queue.add(posting)
    this.#tell(posting, 1, cause)
    this.#schedule()
  }

  /** Tries now, until the queue is empty or the store gives no answer. Call it before the process ends. */
  flush(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      this.#schedule()
    })
    return this.#running
  }

  #schedule(): void {
    if (this.#queue.size === 0 || this.#cancelTimer !== undefined || this.#running !== undefined) return
    const wait = Math.min(FIRST_WAIT_MS * 2 ** this.#attempt, LONGEST_WAIT_MS)
    this.#cancelTimer = this.#options.clock.after(wait, () => {
      this.#cancelTimer = undefined
      void this.flush()
    })
  }

  async #run(): Promise<void> {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    for (const posting of this.#queue) {
      const answer = await reach(() => posting.post(), this.#options)
      if (isUnreached(answer) && !answer.misuse) {
        this.#attempt++
        this.#tell(posting, this.#attempt + 1, answer.cause)
        return
      }
      this.#queue.delete(posting)
      posting.settled?.()
      this.#attempt = 0
      this.#settled(posting, answer)
    }
    const [posted, failed] = [this.#posted, this.#failed]
    this.#posted = 0
    this.#failed = 0
    if (posted + failed > 0) this.#onDrained(posted, failed)
  }

  #settled(posting: Posting, answer: string | undefined | Unreached): void {
    if (answer === undefined) {
      this.#posted++
      return
    }
    this.#failed++
    this.#tell(posting, 1, isUnreached(answer) ? answer.cause : answer, true)
  }

  #tell({ chargeId }: Posting, attempt: number, cause: unknown, givenUp = false): void {
    this.#options.events.emit('delayed', { chargeId, attempt, givenUp, cause })
  }
}
