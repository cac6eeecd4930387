import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { mintChargeId } from '../core/ids.js'
import type { BudgetView, HoldingEnforcer, HoldLine } from './enforcer.js'

/** What a real store tells of a budget. */
export type Real = Pick<BudgetView, 'available' | 'allotment' | 'window'>

/**
 * Begins a line's budget in a simulation with what it really has. One with windows gets what each of them begins with,
 * and what is gone of the present one is put aside, so that the next begins as the real one will. A budget that the
 * simulation has already is left as it is.
 *
 * @param now by the clock of the simulation; a real window that is over by then has nothing to put aside
 */
export function seedSimulation(
  simulated: HoldingEnforcer,
  { budget, window }: HoldLine,
  { available, allotment = available, window: open }: Real,
  now: number,
): MaybePromise<unknown> {
  if (window === undefined) return simulated.initialize(budget, available)
  const isOver = open !== undefined && open.end <= now
  const gone = isOver ? 0 : allotment - available
  if (gone === 0) return simulated.initialize(budget, allotment)
  const begin = (): MaybePromise<unknown> =>
    andThen<void, unknown>(simulated.initialize(budget, allotment), () => {
      const id = mintChargeId(now)
      if (gone > 0) return simulated.spend({ chargeId: id, budget, tool: '', cost: gone })
      // Granted, and not used up yet.
      return simulated.grant({ id, budget, amount: -gone })
    })
  try {
    const known = simulated.describe(budget)
    return isPromise(known) ? known.then(undefined, begin) : known
  } catch {
    return begin()
  }
}
