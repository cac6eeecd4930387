import { describe, expect, test } from 'vitest'
import { expectServerKillsSurvived } from '../support/kills/kill-servers.js'
import { InMemoryBudgetEnforcer, MemoryLedger } from '../../src/index.js'
import { Tally, type Books } from '../support/kills/books.js'
import type { SpentFrom } from '../support/kills/spend.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A store whose server keeps everything, with a mistake at each tenth capture. */
function kill(mistake: 'none' | 'lost' | 'doubled', mayLoseMs: number): Promise<void> {
  const ledger = new MemoryLedger()
  const honest = new InMemoryBudgetEnforcer({ ledger })
  const books: Books = {
    initialize: (budget, credits) => honest.initialize(budget, credits),
    describe: (budget) => honest.describe(budget),
    entriesOf: (budget) => ledger.entries({ kind: 'money', budget }),
  }
  let count = 0
  const store: SpentFrom = {
    async hold(request) {
      await turn()
      return honest.hold(request)
    },
    async capture(request) {
      await turn()
      const isWrong = ++count % 10 === 0
      if (isWrong && mistake === 'lost') return { kind: 'captured', charged: request.amount, late: false }
      if (isWrong && mistake === 'doubled')
        honest.spend({ chargeId: `${request.id} too`, budget: 'c0/main', tool: 't', cost: 2 })
      return honest.capture(request)
    },
  }
  const server = { kill: async () => {}, restart: async () => {} }
  return expectServerKillsSurvived({ cycles: 2, server, store, books, tally: new Tally(), mayLoseMs })
}

describe('the test that kills servers', () => {
  test('passes a server that keeps everything', async () => {
    await expect(kill('none', 0)).resolves.toBeUndefined()
  })

  test.each([
    ['loses charges, where none may be lost', 'lost', 0],
    ['loses charges in the middle, where the last may be lost', 'lost', 1],
    ['charges too much', 'doubled', 0],
    ['charges too much, where the last may be lost', 'doubled', 1],
  ] as const)('fails one that %s', async (_, mistake, mayLoseMs) => {
    await expect(kill(mistake, mayLoseMs)).rejects.toThrow('to deeply equal')
  })
})
