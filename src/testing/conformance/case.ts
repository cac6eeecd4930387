import { expectInvariants } from './invariants.js'
import { FakeClock } from '../fake-clock.js'
import { Subject, type TestClock } from './subject.js'
import type { HoldingEnforcer } from '../../budget/enforcer.js'
import type { LedgerRecord } from '../../ledger/entry.js'
import type { MaybePromise } from '../../core/maybe-promise.js'

/** One behaviour that every store must show. */
export interface ConformanceCase {
  /** A fact; the rules that it proves stand in square brackets at its end. */
  readonly name: string
  /** The rules that it proves. */
  readonly rules: readonly string[]
  /** Runs it on a store of its own; rejects when the store does something else. */
  readonly run: () => Promise<void>
}

/** How the kit gets a store. */
export interface EnforcerConformanceOptions<Store extends HoldingEnforcer = HoldingEnforcer> {
  /** A fresh and empty store on this clock; called once for each case. */
  create(clock: TestClock): MaybePromise<Store>
  /** The clock of one case: a `FakeClock` by default. A store that cannot take a clock brings one that waits. */
  readonly clock?: () => TestClock
  /** All money entries of a store, oldest first. With it each case also replays them. */
  readonly ledger?: (store: Store) => MaybePromise<readonly LedgerRecord[]>
  /** `false` for a store that refuses lines with windows; its cases are then left out. */
  readonly windows?: boolean
  /** `false` for a store that judges no tokens, and has no `revoke`; its cases are then left out, and those of ceilings. */
  readonly delegation?: boolean
  /** `false` for a store that refuses tokens with `max`, `calls` or `rate`; its cases are then left out. */
  readonly ceilings?: boolean
  /** `true` for a store that leases, with the verbs of `LeasingEnforcer`. */
  readonly leases?: boolean
  /** After each case. */
  readonly destroy?: (store: Store) => MaybePromise<void>
}

/** What a case gets: the subject, and the money entries if the store shows any. */
export interface Body {
  (subject: Subject, entries: () => Promise<readonly LedgerRecord[] | undefined>): Promise<void>
}

/** A case before it knows its store. */
export interface Rule {
  readonly name: string
  readonly body: Body
}

/** Names a rule and says how to see it. */
export function rule(name: string, body: Body): Rule {
  return { name, body }
}

/** The case of a rule for the stores of `options`. */
export function caseOf<Store extends HoldingEnforcer>(
  { name, body }: Rule,
  options: EnforcerConformanceOptions<Store>,
): ConformanceCase {
  return {
    name,
    rules: Array.from(name.matchAll(/\[([^\]]+)\]/g), ([, id]) => id as string),
    async run() {
      const clock = options.clock?.() ?? new FakeClock()
      const store = await options.create(clock)
      const subject = new Subject(store, clock)
      const entries = async () => options.ledger?.(store)
      try {
        await body(subject, entries)
        await expectInvariants(subject, await entries())
      } finally {
        await options.destroy?.(store)
      }
    },
  }
}
