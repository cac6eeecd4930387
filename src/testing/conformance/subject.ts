import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import { budgetsNamed, intercept } from '../verbs.js'
import { expectMatch, expectSame, expectThat } from './check.js'
import { mintChargeId, type ChargeId } from '../../core/ids.js'
import type { BudgetView, HoldingEnforcer, HoldRequest } from '../../budget/enforcer.js'
import type { Clock } from '../../core/clock.js'
import type { Credits } from '../../core/credits.js'
import type { MaybePromise } from '../../core/maybe-promise.js'

/** A clock that a test moves. `FakeClock` is one; a store on its own time brings one that waits. */
export interface TestClock extends Clock {
  advance(ms: number): MaybePromise<void>
}

/** How long the holds of the kit last, unless a case is about that. */
export const TTL_MS = 60_000

/** The store under test, and the handful of things that cases do with it. */
export class Subject {
  readonly store: HoldingEnforcer
  readonly clock: TestClock
  readonly #budgets = new Set<BudgetId>()
  #count = 0

  constructor(store: HoldingEnforcer, clock: TestClock) {
    this.clock = clock
    this.store = intercept(store, (call, run) => {
      if (call.verb === 'initialize') this.#note(call.args[0])
      else if (call.verb === 'transfer') this.#note(call.args[0].from, call.args[0].to)
      else this.#note(...budgetsNamed(call.verb, call.args as never))
      return run()
    })
  }

  /** A request id that was not used before. */
  id(): string {
    return `request-${++this.#count}`
  }

  /** A charge id that was not used before, as the library mints it. */
  charge(): ChargeId {
    return mintChargeId(this.clock.now())
  }

  /** A hold on the budget `main`, or as `more` says. */
  holdRequest(amount: Credits, more: Partial<HoldRequest> = {}): HoldRequest {
    const lines = [{ budget: 'main', amount }]
    return { id: this.charge(), lines, ttlMs: TTL_MS, onExpire: 'release', ...more }
  }

  /** Places a hold, which must succeed. */
  async hold(amount: Credits, more: Partial<HoldRequest> = {}): Promise<ChargeId> {
    const request = this.holdRequest(amount, more)
    expectMatch(await this.store.hold(request), { kind: 'held', holdId: request.id }, 'hold')
    return request.id
  }

  /** Expects balances, or anything else of a budget's view. */
  async expect(budget: BudgetId, wanted: Partial<BudgetView>): Promise<void> {
    expectMatch(await this.store.describe(budget), wanted, `describe(${budget})`)
  }

  /** Expects a throw or a rejection, with this code if one is given, and that nothing changed. */
  async expectThrow(what: string, action: () => unknown, code?: string): Promise<void> {
    await this.expectUnchanged(what, async () => {
      let thrown: unknown
      let answer: unknown
      try {
        answer = await action()
      } catch (error) {
        thrown = error ?? 'nothing'
      }
      expectThat(thrown !== undefined, `${what}: wanted a throw, got the answer ${JSON.stringify(answer)}`)
      if (code !== undefined) expectMatch(thrown, { code }, what)
    })
  }

  /** Expects that an action changes no budget. */
  async expectUnchanged(what: string, action: () => unknown): Promise<void> {
    const before = await this.views()
    await action()
    expectSame(await this.views(), before, `${what}: budgets afterwards`)
  }

  /** Every budget that the case named and that exists. */
  async views(): Promise<Record<BudgetId, BudgetView>> {
    const found: Array<readonly [BudgetId, BudgetView]> = []
    for (const budget of this.#budgets) {
      try {
        found.push([budget, await this.store.describe(budget)])
      } catch {
        // Named by the case, and not there.
      }
    }
    return Object.fromEntries(found)
  }

  #note(...budgets: readonly BudgetId[]): void {
    for (const budget of budgets) {
      try {
        this.#budgets.add(budgetId(budget))
      } catch {
        // A case about a name that is none.
      }
    }
  }
}
