import { expect } from 'vitest'
import { InMemoryBudgetEnforcer } from '../../src/backends/memory/in-memory-budget-enforcer.js'
import { lateStore } from './late-store.js'
import { replay } from '../../src/ledger/replay.js'
import { simulate, type FakeClock } from '../../src/testing/index.js'
import type { DelegatingEnforcer } from '../../src/budget/enforcer.js'
import type { Ledger } from '../../src/ledger/ledger.js'

/** A store whose ledger can be read. */
export interface RecordedStore extends DelegatingEnforcer {
  readonly ledger: Ledger
}

/**
 * Lets one random history happen to a store and to the memory store. No rule may break, every answer must be the memory
 * store's, and the ledger alone must give the balances at the end.
 */
export async function expectSameHistory(
  seed: number,
  open: (clock: FakeClock) => Promise<RecordedStore>,
): Promise<void> {
  const wanted: string[] = []
  simulate({ seed, store: (context) => new InMemoryBudgetEnforcer(context), trace: (line) => wanted.push(line) })
  const seen: string[] = []
  let opened: Promise<RecordedStore> | undefined
  const { violation } = await simulate({
    seed,
    store: ({ clock }) => lateStore((opened = open(clock))),
    trace: (line) => seen.push(line),
  })
  expect(violation, `seed ${seed}`).toBeUndefined()
  expect(seen, `seed ${seed}`).toEqual(wanted)
  const store = (await opened) as RecordedStore
  for (const [budget, balance] of replay(await store.ledger.entries())) {
    expect(await store.describe(budget), `seed ${seed}: ${budget}`).toMatchObject(balance)
  }
}
