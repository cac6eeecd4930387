import { describe, test } from 'vitest'
import { expectSequence, SEQUENCE_SEEDS } from '../../../support/delegation-sequences.js'
import { FakeClock } from 'mcp-budget/testing'
import { InMemoryBudgetEnforcer } from 'mcp-budget'

describe('a sequence of the vectors', () => {
  test.each(SEQUENCE_SEEDS)(
    'has the same results step by step, and the same state at the end: %i [I1, I11, T09, L-P10]',
    (seed) => expectSequence(seed, new InMemoryBudgetEnforcer({ clock: new FakeClock() })),
  )
})
