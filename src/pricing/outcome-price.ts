import type { CallOutcome, Proof } from '../core/outcome.js'
import type { Credits } from '../core/credits.js'
import type { Price, PriceCharge, PriceSource } from '../core/price.js'

/** What calls cost that did not simply run, where a rule sets it. */
export interface Others {
  readonly failed?: Credits | undefined
  readonly unknown?: Credits | undefined
}

/** What is held for a call that costs `ran` when it ran: the largest of what it may cost. */
export function holdOf(ran: Credits, { failed = 0, unknown = 0 }: Others): Credits {
  return Math.max(ran, failed, unknown)
}

/** The price of a call that costs `ran` when it ran. Frozen, because one object serves all calls of a fixed price. */
export function outcomePrice(source: PriceSource, ran: Credits, others: Others): Price {
  const charged = (amount = ran): PriceCharge => Object.freeze({ amount })
  const charges: Readonly<Record<Proof, PriceCharge>> = {
    ran: charged(),
    failed: charged(others.failed),
    unknown: charged(others.unknown),
    // Whether such a call is charged at all is not for the price to say.
    'not-run': charged(),
  }
  return Object.freeze({
    cost: holdOf(ran, others),
    source,
    charge: ({ proves }: CallOutcome) => charges[proves],
  })
}
