import { assertCredits, type Credits } from '../core/credits.js'
import { BudgetError } from '../core/errors.js'
import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { canHold, type BudgetEnforcer, type BudgetView, type HoldingEnforcer, type HoldLine } from './enforcer.js'
import { seedSimulation } from './shadow-seed.js'
import type { BudgetId } from './budget-id.js'
import type { Clock } from '../core/clock.js'
import type { Holder } from './pay-in-advance.js'

/**
 * A store to simulate on, where each budget begins with what the real one has when it is first seen. One that does not
 * exist, or is closed, is so here too. When the real store gives no answer, a hold gets none either: it is what hard
 * mode would meet. The next call asks again.
 */
export function seeded(simulated: HoldingEnforcer, real: BudgetEnforcer, clock: Clock): Holder {
  /** The budgets that have begun, or are about to. */
  const begun = new Map<BudgetId, MaybePromise<void>>()

  function begin(line: HoldLine): MaybePromise<void> {
    const { budget } = line
    if (begun.has(budget)) return begun.get(budget)
    const failed = (error: unknown): void => {
      begun.delete(budget)
      if (!BudgetError.isInstance(error) || error.code !== 'unknown_budget') throw error
    }
    begun.set(budget, undefined)
    try {
      const known = canHold(real) ? real.describe(budget) : real.remaining(budget)
      const started = andThen<BudgetView | Credits, void>(known, (found) => start(simulated, line, found, clock.now()))
      if (!isPromise(started)) return started
      const later = started.then(undefined, failed)
      begun.set(budget, later)
      return later
    } catch (error) {
      return failed(error)
    }
  }

  return {
    hold(request) {
      const waiting = request.lines.map((line) => begin(line)).filter((each) => isPromise(each))
      return andThen(waiting.length === 0 ? undefined : Promise.all(waiting), () => simulated.hold(request))
    },
    capture: (request) => simulated.capture(request),
    release: (request) => simulated.release(request),
    extend: (request) => simulated.extend(request),
  }
}

function start(
  simulated: HoldingEnforcer,
  line: HoldLine,
  found: BudgetView | Credits,
  now: number,
): MaybePromise<void> {
  const { budget } = line
  const known: Pick<BudgetView, 'available'> & Partial<BudgetView> =
    typeof found === 'number' ? { available: found } : found
  assertCredits(known.available, 'available')
  return andThen(
    orNothing(() => seedSimulation(simulated, line, known, now)),
    () => {
      if (known.state !== 'closing' && known.state !== 'closed') return
      return andThen(simulated.close({ id: `shadow:${budget}`, budget, why: 'closed' }), () => {})
    },
  )
}

// A store of one's own that has the budget already goes on with what it has.
function orNothing(make: () => MaybePromise<unknown>): MaybePromise<unknown> {
  try {
    const made = make()
    return isPromise(made) ? made.then(undefined, () => {}) : made
  } catch {
    return undefined
  }
}
