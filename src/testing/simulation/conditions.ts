import type { Random } from '../random.js'

/** How hard a history is; the seed decides it. */
export interface Conditions {
  /** How many calls are made, within `spanMs`. */
  readonly calls: number
  readonly spanMs: number
  /** How many messages of a hundred are lost, or doubled. */
  readonly loss: number
  readonly duplication: number
  /** The longest that a message takes. */
  readonly delayMs: number
  /** No message arrives in this time. */
  readonly outage: { readonly from: number; readonly until: number }
  /** How many callers die somewhere on the way. */
  readonly crashes: number
  readonly ttlMs: number
  /** What the budgets begin with. */
  readonly credits: number
}

/** Draws the conditions of one history. */
export function conditionsOf(random: Random, calls: number): Conditions {
  const spanMs = random.pick([50, 1_000, 5_000])
  const from = random.int(spanMs)
  return {
    calls,
    spanMs,
    loss: random.pick([0, 0, 0.02, 0.2]),
    duplication: random.pick([0, 0.05, 0.3]),
    delayMs: random.pick([1, 20, 400]),
    outage: { from, until: random.chance(0.2) ? from + random.int(2_000) : from },
    crashes: random.pick([0, 0, 0.1]),
    ttlMs: random.pick([300, 2_000, 10_000]),
    credits: random.pick([0, 20, 60, 300]),
  }
}
