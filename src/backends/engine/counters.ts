import type { Authority, Prefix, PrefixLimit, Rate, UsedLimit } from '../../budget/authority.js'
import type { Credits } from '../../core/credits.js'

/** How many prefixes are counted under one root budget. */
const MOST = 10_000
/** A gateway may take a token for valid for so long after its end. */
const SKEW_MS = 600_000
/** A full table is searched for what has ended no more often than this. */
const SEARCH_MS = 1_000

/** What was counted under one prefix. `used`: credits, calls, or what a rate's bucket holds. */
export interface Counter {
  used: number
  /** When a bucket held so much. */
  at: number
  readonly limit: Prefix & Partial<Rate>
}

/** Why something may not be counted, and when that is over. */
export interface CounterRefusal {
  readonly reason: 'ceiling' | 'rate' | 'full'
  readonly resetAt?: number
}

/** What is counted for a request: its credits, and itself, if it is a call. */
export interface Counted {
  readonly amount: Credits
  readonly isCall: boolean
}

/**
 * What was used of the limits of all tokens of one root budget, by prefix: whatever is made of a token later counts
 * where the token does. A counter begins with what is held, never with what is asked, and none that is in use is ever
 * forgotten: when there is no room for another, nothing is held.
 */
export class Counters {
  readonly byPrefix = new Map<string, Counter>()
  searchedAt: number
  readonly #elsewhere: number

  /** @param elsewhere how many there are beside those that are put in */
  constructor(elsewhere = 0, searchedAt = -Infinity) {
    this.#elsewhere = elsewhere
    this.searchedAt = searchedAt
  }

  get size(): number {
    return this.byPrefix.size + this.#elsewhere
  }

  /** Whether so many more would only find room in a search. */
  needsSearch(fresh: number, now: number): boolean {
    return this.size + fresh > MOST && now - this.searchedAt >= SEARCH_MS
  }

  /** Why a request may not be counted. */
  refuse(authority: Authority, { amount, isCall }: Counted, now: number): CounterRefusal | undefined {
    const { ceilings, calls, rates } = authority
    // Told the other way round, a limit that is no number would admit everything.
    const admits = (limit: PrefixLimit, more: number): boolean => this.#used(limit) + more <= limit.limit
    if (!ceilings.every((each) => admits(each, amount))) return { reason: 'ceiling' }
    const counted: Prefix[] = amount > 0 ? [...ceilings] : []
    if (isCall) {
      if (!calls.every((each) => admits(each, 1))) return { reason: 'ceiling' }
      for (const rate of rates) {
        const waitMs = this.#level(rate, now) + rate.seconds * 1_000 - capacity(rate)
        if (!(waitMs <= 0)) return { reason: 'rate', resetAt: now + Math.ceil(waitMs / rate.calls) }
      }
      counted.push(...calls, ...rates)
    }
    const fresh = counted.filter(({ prefixId }) => !this.byPrefix.has(prefixId)).length
    return fresh > 0 && !this.#hasRoom(fresh, now) ? { reason: 'full' } : undefined
  }

  /** Counts a request that `refuse` did not refuse. */
  count({ ceilings, calls, rates }: Authority, { amount, isCall }: Counted, now: number): void {
    this.add(ceilings, amount)
    if (!isCall) return
    this.add(calls, 1)
    for (const rate of rates) {
      const counter = this.#get(rate)
      counter.used = this.#level(rate, now) + rate.seconds * 1_000
      counter.at = now
    }
  }

  /** Adds to what is used, or gives back. What came to nothing needs no counter. */
  add(limits: readonly PrefixLimit[], more: number): void {
    if (more === 0) return
    for (const limit of limits) {
      const counter = this.#get(limit)
      counter.used += more
      if (counter.used <= 0) this.byPrefix.delete(limit.prefixId)
    }
  }

  /** The least that any of the ceilings leaves. */
  left(ceilings: readonly PrefixLimit[]): Credits {
    return ceilings.reduce((least, each) => Math.max(0, Math.min(least, each.limit - this.#used(each))), Infinity)
  }

  /** How far limits are used up. */
  usedOf(limits: readonly PrefixLimit[]): UsedLimit[] {
    return limits.map((limit) => ({ ...limit, used: this.#used(limit) }))
  }

  #used({ prefixId }: Prefix): number {
    return this.byPrefix.get(prefixId)?.used ?? 0
  }

  /**
   * What a rate's bucket holds: `seconds` for each call, and it loses `calls` in each millisecond (a GCRA, in integers).
   */
  #level(rate: Rate & Prefix, now: number): number {
    const counter = this.byPrefix.get(rate.prefixId)
    return counter === undefined ? 0 : Math.max(0, counter.used - (now - counter.at) * rate.calls)
  }

  #get(limit: Prefix & Partial<Rate>): Counter {
    let counter = this.byPrefix.get(limit.prefixId)
    if (counter === undefined) this.byPrefix.set(limit.prefixId, (counter = { used: 0, at: 0, limit }))
    return counter
  }

  #hasRoom(fresh: number, now: number): boolean {
    if (this.needsSearch(fresh, now)) {
      this.searchedAt = now
      for (const [prefixId, { limit }] of this.byPrefix) {
        const ended = now > (limit.expiresAt ?? Infinity) + SKEW_MS
        if (ended || (limit.calls !== undefined && this.#level(limit as Rate & Prefix, now) === 0))
          this.byPrefix.delete(prefixId)
      }
    }
    return this.size + fresh <= MOST
  }
}

function capacity({ calls, seconds }: Rate): number {
  return calls * seconds * 1_000
}
