import { describe, test } from 'vitest'
import { InMemoryBudgetEnforcer } from '../../../src/backends/memory/in-memory-budget-enforcer.js'
import { LEDGER_RULES, type LedgerPlace } from '../../support/ledger-rules.js'
import { MemoryLedger } from '../../../src/ledger/memory-ledger.js'

const inMemory: LedgerPlace = async (clock) => {
  const ledger = new MemoryLedger()
  return { store: new InMemoryBudgetEnforcer({ clock, ledger }), ledger }
}

describe('MemoryLedger is read by pages:', () => {
  test.each(LEDGER_RULES)('$name', ({ run }) => run(inMemory))
})
