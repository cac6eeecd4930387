import type fc from 'fast-check'
import { expect } from 'vitest'
import { BudgetError } from '../../src/core/errors.js'
import { FakeClock, type EnforcerCall } from '../../src/testing/index.js'
import { InMemoryBudgetEnforcer } from '../../src/backends/memory/in-memory-budget-enforcer.js'
import { MemoryLedger } from '../../src/ledger/memory-ledger.js'
import { Oracle } from '../../src/testing/simulation/oracle.js'
import { replay } from '../../src/ledger/replay.js'

export const START = 1_800_000_000_000

export interface Real {
  readonly clock: FakeClock
  readonly ledger: MemoryLedger
  readonly store: InMemoryBudgetEnforcer
}

/** A fresh store beside a fresh model. */
export function setup(): { model: Oracle; real: Real } {
  const clock = new FakeClock(START)
  const ledger = new MemoryLedger()
  return { model: new Oracle(), real: { clock, ledger, store: new InMemoryBudgetEnforcer({ clock, ledger }) } }
}

/** Both are asked; the answers, all balances and the replayed ledger must agree. */
export class Ask implements fc.Command<Oracle, Real> {
  constructor(readonly call: EnforcerCall) {}

  check(): boolean {
    return true
  }

  run(model: Oracle, { clock, ledger, store }: Real): void {
    const { verb, args } = this.call
    let answer: unknown
    try {
      answer = Reflect.apply(store[verb] as (...args: unknown[]) => unknown, store, args)
    } catch (error) {
      if (!BudgetError.isInstance(error)) throw error
      answer = { throws: error.code }
    }
    expect(answer).toEqual(model.ask(this.call, clock.now()))
    const balances = replay(ledger.entries())
    for (const id of model.book.budgets.keys()) {
      const view = store.describe(id)
      expect(view).toEqual(model.view(id))
      if (view.in + view.debt > 0) expect(view).toMatchObject(balances.get(id) ?? {})
    }
  }

  toString(): string {
    return `${this.call.verb}(${this.call.args.map((arg) => JSON.stringify(arg)).join(', ')})`
  }
}

/** Time passes. */
export class Advance implements fc.Command<Oracle, Real> {
  constructor(readonly ms: number) {}

  check(): boolean {
    return true
  }

  run(_model: Oracle, { clock }: Real): void {
    clock.advance(this.ms)
  }

  toString(): string {
    return `advance(${this.ms})`
  }
}
