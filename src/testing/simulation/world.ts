import { checkAnswer, checkBudget } from './checks.js'
import { FakeClock } from '../fake-clock.js'
import { insist } from './violation.js'
import { isPromise, type MaybePromise } from '../../core/maybe-promise.js'
import { Oracle } from './oracle.js'
import { ReplayedLedger } from './replayed-ledger.js'
import { Tally, type SimulatedCall } from './tally.js'
import { canDelegate, type BudgetView, type HoldingEnforcer } from '../../budget/enforcer.js'
import type { Conditions } from './conditions.js'
import type { Credits } from '../../core/credits.js'
import type { EnforcerCall } from '../verbs.js'
import type { Random } from '../random.js'
import type { OracleBudget } from './oracle-book.js'
import type { OracleHold } from './oracle-hold.js'

interface Event {
  readonly at: number
  readonly run: () => MaybePromise<void>
}

/** No history is longer; one that is has a caller that never gives up. */
const MAX_EVENTS = 100_000

/** Longer than any hold of a simulated call, and within the memory of a store. */
const QUIET_MS = 60_000

/**
 * A store, those who call it, and the network between them, which loses, doubles and delays messages. One thing
 * happens at a time; which, and when, the seed decides. After everything that reaches the store it is checked.
 */
export class World {
  readonly clock = new FakeClock()
  readonly ledger = new ReplayedLedger()
  readonly oracle: Oracle
  readonly random: Random
  readonly tally = new Tally()
  readonly calls = new Map<string, SimulatedCall>()
  /** Whether there are tokens in the history: where the store judges them. */
  judgesTokens = false
  /** What happened so far. */
  events = 0
  readonly #begin: number
  readonly #conditions: Conditions
  readonly #queue: Event[] = []
  readonly #answered = new WeakSet<object>()
  readonly #trace: ((line: string) => void) | undefined
  #store: HoldingEnforcer | undefined

  constructor(random: Random, conditions: Conditions, trace: ((line: string) => void) | undefined) {
    this.random = random
    this.oracle = new Oracle((hold, charged) => this.#holdEnded(hold, charged))
    this.#begin = this.clock.now()
    this.#conditions = conditions
    this.#trace = trace
  }

  /** The store that is simulated; before the first event. */
  use(store: HoldingEnforcer): void {
    this.#store = store
    this.judgesTokens = canDelegate(store)
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return this.clock.now() - this.#begin
  }

  /** Lets something happen, `ms` from now. */
  after(ms: number, run: () => MaybePromise<void>): void {
    const at = this.elapsed + ms
    let i = this.#queue.length
    // The queue is kept with the next event last.
    while (i > 0 && (this.#queue[i - 1] as Event).at <= at) i--
    this.#queue.splice(i, 0, { at, run })
  }

  /** Sends a request on its way; `answered` is called for each answer that comes back, if one does. */
  send(call: EnforcerCall, answered: (answer: unknown) => void): void {
    if (this.#isLost()) return
    this.after(this.#delay(), () => this.deliver(call, answered))
    if (this.random.chance(this.#conditions.duplication)) {
      this.after(this.#delay(), () => this.deliver(call, answered))
    }
  }

  /** A request reaches the store. */
  deliver(call: EnforcerCall, answered: (answer: unknown) => void): MaybePromise<void> {
    const store = this.#store as unknown as Record<string, (...args: readonly unknown[]) => unknown>
    const answer = (store[call.verb] as (...args: readonly unknown[]) => unknown).apply(store, call.args as unknown[])
    if (isPromise(answer)) return answer.then((later) => this.#judge(call, later, answered))
    return this.#judge(call, answer, answered)
  }

  /** Lets everything happen. */
  run(): MaybePromise<void> {
    for (let event = this.#queue.pop(); event !== undefined; event = this.#queue.pop()) {
      insist(++this.events <= MAX_EVENTS, 'fault', () => `more than ${MAX_EVENTS} events`)
      this.clock.advance(event.at - this.elapsed)
      const done = event.run()
      if (isPromise(done)) return done.then(() => this.run())
    }
    this.clock.advance(QUIET_MS)
    return this.check(true)
  }

  /** Compares every budget with what it must be. `isQuiet`: no call is open any more, so nothing may be held. */
  check(isQuiet = false): MaybePromise<void> {
    this.oracle.expire(this.clock.now())
    return this.#checkAll(this.oracle.book.budgets.values(), isQuiet)
  }

  // All are asked before one answers: a store that decides on many requests at once has one step to make.
  #checkAll(budgets: Iterable<OracleBudget>, isQuiet: boolean): MaybePromise<void> {
    const later: PromiseLike<void>[] = []
    for (const wanted of budgets) {
      const view = (this.#store as HoldingEnforcer).describe(wanted.id)
      if (isPromise(view)) later.push(view.then((told) => this.#checkView(told, wanted, isQuiet)))
      else this.#checkView(view, wanted, isQuiet)
    }
    if (later.length > 0) return Promise.all(later).then(() => {})
  }

  #checkView(view: BudgetView, wanted: OracleBudget, isQuiet: boolean): void {
    const replayed = this.ledger.isWritten ? this.ledger.balance(view.budget) : undefined
    if (isQuiet) insist(view.held === 0 && view.openHolds === 0, 'R2', () => `${view.budget} still holds ${view.held}`)
    checkBudget(view, wanted, replayed, this.tally.of(wanted.id))
  }

  #judge(call: EnforcerCall, answer: unknown, answered: (answer: unknown) => void): MaybePromise<void> {
    const wanted = this.oracle.ask(call, this.clock.now())
    this.#trace?.(`${this.elapsed} ${call.verb} ${JSON.stringify(call.args)} → ${JSON.stringify(answer)}`)
    const request = call.args[0]
    const isRepeat = typeof request === 'object' && this.#answered.has(request)
    if (typeof request === 'object') this.#answered.add(request)
    checkAnswer(call, answer, wanted, isRepeat)
    if (call.verb === 'spend') this.#spent(call.args[0].chargeId, call.args[0].cost)
    const checked = this.check()
    if (!this.#isLost()) this.after(this.#delay(), () => answered(answer))
    return checked
  }

  // Spending comes before the call and cannot be undone, so it is due whether the call runs or not.
  #spent(chargeId: string, cost: Credits): void {
    const call = this.calls.get(chargeId)
    if (call !== undefined) this.tally.allow(call, cost)
  }

  #holdEnded(hold: OracleHold, charged: Credits): void {
    const call = this.calls.get(hold.id)
    if (call === undefined) return
    const gaveBack = hold.state === 'released' || (hold.state === 'expired' && hold.onExpire === 'release')
    if (gaveBack) return this.tally.uncover(call)
    this.tally.allow(call, charged)
    if (call.isExecuted) this.tally.cover(call)
  }

  #isLost(): boolean {
    const { outage, loss } = this.#conditions
    const at = this.elapsed
    return (at >= outage.from && at < outage.until) || this.random.chance(loss)
  }

  #delay(): number {
    return this.random.int(this.#conditions.delayMs)
  }
}
