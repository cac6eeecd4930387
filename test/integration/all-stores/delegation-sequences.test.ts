import { describe, test } from 'vitest'
import { allStores } from './stores.js'
import { expectSequence, SEQUENCE_SEEDS } from '../../support/delegation-sequences.js'
import { FakeClock } from '../../../src/testing/index.js'

const [, ...others] = allStores()

describe.each(others)('on $name', ({ open }) => {
  test.each(SEQUENCE_SEEDS)(
    'a sequence of the vectors has the same results, and the same state at the end: %i [I1, I11, I14, T09, T10, L-P10]',
    async (seed) => {
      const { store, end } = await open(new FakeClock())
      await expectSequence(seed, store)
      await end()
    },
  )
})
