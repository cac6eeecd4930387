import type { CallOutcome } from './outcome.js'
import type { Credits } from './credits.js'
import type { JsonObject } from './json.js'
import type { Refusal } from './refusal.js'

/** Where a price came from; stands in every call record. */
export interface PriceSource {
  /** Which kind of rule gave it. */
  readonly rule: 'exact' | 'wildcard' | 'catch-all' | 'default' | 'unpriced'
  /** The rule's own text, such as `gpt4_*`. */
  readonly pattern: string
  /** Whose price list: the server's name as the seat has it, or `undefined` for the list of all servers. */
  readonly server: string | undefined
  /** The price list's version, as its owner named it. */
  readonly version: string | undefined
}

/** What an outcome costs. `reported` is what a metered result asked for, where that was a valid amount. */
export interface PriceCharge {
  readonly amount: Credits
  readonly reported?: Credits
  /** What it would cost without the discount of a retry, where there is one. */
  readonly full?: Credits
}

/** How the cost of a metered call is read off its result; without `metered` by a function, which only this process has. */
export interface PriceMetering {
  readonly metered?: JsonObject
  readonly creditsPerUnit?: Credits
}

/** The price of one call. */
export interface Price {
  /** What is held before the call: the price, or the most that a metered call may cost. */
  readonly cost: Credits
  readonly source: PriceSource
  /** Why the price list would have refused the call, where it does not enforce: it passes for nothing. */
  readonly refusal?: Refusal
  /** Set where the cost is read off the result. */
  readonly metering?: PriceMetering
  /** What the call costs once it is known how it ended. Never throws. */
  charge(outcome: CallOutcome): PriceCharge
}

/** What a price list adds to a call. */
export interface Priced {
  /** What is held before the call. */
  readonly cost: Credits
  readonly price: Price
}
