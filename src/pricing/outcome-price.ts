import type { CallOutcome } from '../core/outcome.js'
import type { Credits } from '../core/credits.js'
import type { Price, PriceSource } from '../core/price.js'

/** What calls cost that did not simply run, where a rule sets it. */
export interface Others {
  readonly failed: Credits | undefined
  readonly unknown: Credits | undefined
}

/** What is held for a call that costs `ran` when it ran: the largest of what it may cost. */
export function holdOf(ran: Credits, others: Others): Credits {
  return Math.max(ran, others.failed ?? 0, others.unknown ?? 0)
}

/** The price of a call that costs `ran` when it ran. Frozen, because one object serves all calls of a fixed price. */
export function outcomePrice(source: PriceSource, ran: Credits, others: Others): Price {
  const whenRan = Object.freeze({ amount: ran })
  const whenFailed = others.failed === undefined ? whenRan : Object.freeze({ amount: others.failed })
  const whenUnknown = others.unknown === undefined ? whenRan : Object.freeze({ amount: others.unknown })
  return Object.freeze({
    cost: holdOf(ran, others),
    source,
    charge(outcome: CallOutcome) {
      if (outcome.proves === 'failed') return whenFailed
      if (outcome.proves === 'unknown') return whenUnknown
      // Also for `not-run`: whether such a call is charged at all is not for the price to say.
      return whenRan
    },
  })
}
