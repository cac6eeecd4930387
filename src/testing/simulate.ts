import { Caller } from './simulation/caller.js'
import { conditionsOf } from './simulation/conditions.js'
import { describeValue } from '../core/errors.js'
import { isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { Operator } from './simulation/operator.js'
import { Random } from './random.js'
import { Spender } from './simulation/spender.js'
import { Violation, type BrokenRule } from './simulation/violation.js'
import { World } from './simulation/world.js'
import type { Credits } from '../core/credits.js'
import type { FakeClock } from './fake-clock.js'
import type { HoldingEnforcer } from '../budget/enforcer.js'
import type { MoneySink } from '../backends/engine/book.js'
import type { SyncEnforcer } from './verbs.js'

/** What a simulated store is given. */
export interface SimulatedStoreContext {
  /** The time of the history; a store that takes no clock cannot be simulated. */
  readonly clock: FakeClock
  /** Where the store may write its money entries: if it does, they are replayed and compared after every event. */
  readonly ledger: MoneySink
}

/** Settings of {@link simulate}. */
export interface SimulateOptions<Store extends HoldingEnforcer> {
  /** Decides the whole history. */
  readonly seed: number
  /** Makes a fresh store. */
  readonly store: (context: SimulatedStoreContext) => Store
  /** How many calls are made; 16 by default. */
  readonly calls?: number
  /** Told of every request that reaches the store, and its answer: for reading the history of one seed. */
  readonly trace?: (line: string) => void
}

/** What happened in one history. */
export interface SimulationReport {
  readonly seed: number
  /** How many things happened. */
  readonly events: number
  /** How many tools ran. */
  readonly executed: number
  /** New credits that came in. */
  readonly granted: Credits
  /** The rule that was broken, and how; `undefined` when none was. */
  readonly violation: { readonly rule: BrokenRule; readonly message: string; readonly at: number } | undefined
}

/**
 * Lets a random history happen to a store: concurrent calls that hold, run and capture as `withBudget` does, over a
 * network that loses, doubles and delays messages, with callers that die and an operator that grants, delegates and
 * closes. Where the store has `revoke`, some calls are made by tokens. Everything is decided by the seed, time is
 * virtual, and the store is compared with a plain model after every request that reaches it. A history ends at the
 * first rule that is broken.
 *
 * @example
 * ```ts
 * for (let seed = 1; seed <= 1_000; seed++) {
 *   const { violation } = await simulate({ seed, store: ({ clock }) => new MyEnforcer({ clock }) })
 *   if (violation) throw new Error(`seed ${seed}: ${violation.rule}: ${violation.message}`)
 * }
 * ```
 */
export function simulate<Store extends SyncEnforcer>(options: SimulateOptions<Store>): SimulationReport
export function simulate<Store extends HoldingEnforcer>(options: SimulateOptions<Store>): MaybePromise<SimulationReport>
export function simulate<Store extends HoldingEnforcer>({
  seed,
  store,
  calls = 16,
  trace,
}: SimulateOptions<Store>): MaybePromise<SimulationReport> {
  const random = new Random(seed)
  const conditions = conditionsOf(random, calls)
  const world = new World(random, conditions, trace)

  function report(error?: unknown): SimulationReport {
    const { events, elapsed: at, tally, oracle } = world
    const base = { seed, events, executed: tally.executed, granted: oracle.book.granted }
    if (error === undefined) return { ...base, violation: undefined }
    const rule = error instanceof Violation ? error.rule : 'fault'
    const message = error instanceof Error ? error.message : describeValue(error)
    return { ...base, violation: { rule, message, at } }
  }

  try {
    world.use(store({ clock: world.clock, ledger: world.ledger }))
    new Operator(world, conditions).start()
    for (let count = 0; count < conditions.calls; count++) {
      world.after(random.int(conditions.spanMs), () => {
        const caller = random.chance(0.1) ? new Spender(world, count) : new Caller(world, conditions, count)
        caller.start()
      })
    }
    const ran = world.run()
    return isPromise(ran) ? ran.then(() => report(), report) : report()
  } catch (error) {
    return report(error ?? new Error('a throw of nothing'))
  }
}
