import { expect, test } from 'vitest'
import { allStores, answerOf } from '../all-stores/stores.js'
import { FakeClock } from '../../../src/testing/index.js'
import { HISTORY_START } from '../../support/random-history.js'

const kinds = allStores()
const LEASE = `${HISTORY_START.toString(36)}-${'t'.repeat(24)}-1`
const DAY_MS = 86_400_000

const cases = kinds.flatMap(({ name, open }) => [
  { name, open, first: 'its time' },
  { name, open, first: 'its close' },
])

test.each(cases)(
  'a lease gives back to those above when its budget was closed days ago, $first first: $name [I14]',
  async ({ open, first }) => {
    const clock = new FakeClock(HISTORY_START)
    const { store, end } = await open(clock)
    const ask = (verb: string, request: object | string, ...more: unknown[]) =>
      answerOf(store, verb, [request, ...more])
    await ask('initialize', 't/a', 100)
    const registration = { prefixId: 'B', budget: 't/child', parent: 't/a' }
    await ask('transfer', { id: 'm', from: 't/a', to: 't/child', amount: 50, create: { registration: 'B' } })
    const terms = { instance: 'p', ttlMs: 1_000, least: 40, most: 40 }
    expect(await ask('lease', { id: LEASE, budget: registration.budget, ...terms })).toMatchObject({ kind: 'leased' })
    if (first === 'its time') clock.advance(1_001)
    expect(await ask('close', { id: 'x', budget: 't/child', why: 'closed' })).toMatchObject({ kind: 'closed' })
    for (let day = 0; day < 3; day++) {
      clock.advance(DAY_MS)
      await ask('initialize', `t/day-${day}`, 1)
      await ask('check', 't/a', 1)
    }
    expect(await ask('reconcile', { id: 'b', leaseId: LEASE, used: 10 })).toEqual({ kind: 'reconciled', returned: 30 })
    expect(await ask('describe', 't/a')).toMatchObject({ available: 90 })
    await end()
  },
)
