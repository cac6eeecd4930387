import type { Credits } from '../core/credits.js'
import type { ChargeId } from '../core/ids.js'

/** How far two clocks may drift apart: twice what the worst of them does. */
const DRIFT = 0.05
/** And how long a decision may take. */
const MARGIN_MS = 100

/** Until when something that was asked for then, for so long, is ours by any clock. Never counted from the answer. */
export function ours(askedAt: number, ttlMs: number): number {
  return askedAt + ttlMs * (1 - DRIFT) - MARGIN_MS
}

/** When something was asked for, by the clock that is never set, and by that of the day. */
export interface Asked {
  readonly steady: number
  readonly wall: number
}

/**
 * What a process has of one lease. `drawn` is what it has used, what its open holds have, and what it will not use;
 * what is drawn never passes `limit`, which is as much as the journal says that may have been used.
 */
export class Slice {
  drawn: Credits = 0
  used: Credits = 0
  openHolds = 0
  /** What may be drawn, and what the journal was asked to note. */
  limit: Credits = 0
  claimed: Credits = 0
  /** `drawn` when the lease was renewed last: one that stays so is idle. */
  drawnBefore: Credits = 0
  /** Nothing more is drawn: it is settled when its holds have ended. */
  isEnding = false
  isAsking = false
  /** It was asked for, and nobody knows whether it is there, or comes yet. */
  isUnheard = false
  isForfeited = false
  readonly #ttlMs: number
  /** When nothing more may be drawn, by either clock: one is set, and the other stands still while a machine sleeps. */
  #until: number
  #untilOfDay: number
  renewAt: number

  constructor(
    readonly leaseId: ChargeId,
    readonly amount: Credits,
    asked: Asked,
    ttlMs: number,
  ) {
    this.#ttlMs = ttlMs
    this.#until = ours(asked.steady, ttlMs)
    this.#untilOfDay = ours(asked.wall, ttlMs)
    this.renewAt = asked.steady + ttlMs / 2
  }

  /** What may be drawn now. */
  get left(): Credits {
    return this.isEnding ? 0 : this.limit - this.drawn
  }

  /** So little is left that more is fetched. */
  get isLow(): boolean {
    return this.limit - this.drawn <= this.amount / 4
  }

  /** Whether it can end: nobody knows yet what open holds will use. */
  get isIdle(): boolean {
    return this.openHolds === 0 && !this.isAsking
  }

  /** Whether it is ours no more. */
  isOver({ steady, wall }: Asked): boolean {
    return steady >= this.#until || wall >= this.#untilOfDay
  }

  /** It lives on, from when that was asked for. */
  renewed(asked: Asked): void {
    this.drawnBefore = this.drawn
    this.#until = ours(asked.steady, this.#ttlMs)
    // Also earlier than it was: the clock of the day may have been set back.
    this.#untilOfDay = ours(asked.wall, this.#ttlMs)
    this.renewAt = asked.steady + this.#ttlMs / 2
  }
}
