import type { Credits } from '../core/credits.js'
import type { CallOutcome, Proof } from '../core/outcome.js'
import type { Price, PriceCharge, PriceMetering, PriceSource } from '../core/price.js'
import type { Meter } from '../core/metered.js'

/** What calls cost that did not simply run, where a rule sets it. */
export type Others = Readonly<Partial<Record<Extract<Proof, 'failed' | 'unknown'>, Credits | undefined>>>

/**
 * The price of a call that costs `ran` when it ran, or what its `meter` reads off the result. Held is the largest of
 * what it may cost. Frozen, because one object serves all calls of a fixed price.
 */
export function outcomePrice(
  source: PriceSource,
  ran: Credits,
  others: Others,
  meter?: Meter,
  metering?: PriceMetering,
): Price {
  const cost = Math.max(ran, others.failed ?? 0, others.unknown ?? 0)
  // Without a report to trust, a metered call is charged the whole hold.
  const usual = Object.freeze({ amount: meter === undefined ? ran : cost })
  return Object.freeze({
    cost,
    source,
    ...(metering && { metering }),
    // Whether a call that proves `not-run` is charged at all is not for the price to say.
    charge(outcome: CallOutcome): PriceCharge {
      const amount = others[outcome.proves as keyof Others]
      if (amount !== undefined) return { amount }
      // An error carries no result: there is nothing to read, and nothing to complain of.
      const reported = outcome.kind === 'result' ? meter?.(outcome.result, cost) : undefined
      return reported === undefined ? usual : { amount: reported, reported }
    },
  })
}
