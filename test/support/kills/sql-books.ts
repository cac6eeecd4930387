import type { Books } from './books.js'
import type { MoneyEntry } from '../../../src/ledger/entry.js'
import type { RecordedStore } from '../histories.js'

/** The books of a store that has its ledger with it. */
export function booksOf(store: RecordedStore): Books {
  return {
    initialize: (budget, credits) => store.initialize(budget, credits),
    describe: (budget) => store.describe(budget),
    entriesOf: async (budget) => (await store.ledger.entries({ kind: 'money', budget })) as readonly MoneyEntry[],
  }
}
