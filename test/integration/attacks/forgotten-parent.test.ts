import { expect, test } from 'vitest'
import { allStores, answerOf } from '../all-stores/stores.js'
import { FakeClock } from '../../../src/testing/index.js'
import { HISTORY_START } from '../../support/random-history.js'

const kinds = allStores()
const DAY_MS = 86_400_000
const ID = `${HISTORY_START.toString(36)}-${'t'.repeat(24)}-1`

async function family(open: (typeof kinds)[number]['open']) {
  const clock = new FakeClock(HISTORY_START)
  const { store, end } = await open(clock)
  const ask = (verb: string, request: object | string, ...more: unknown[]) => answerOf(store, verb, [request, ...more])
  const later = async (ms: number) => {
    clock.advance(ms)
    for (let n = 0; n < 2; n++) {
      await ask('initialize', `t/day-${clock.now()}-${n}`, 1)
      clock.advance(2_000)
    }
  }
  await ask('initialize', 't/a', 100)
  await ask('transfer', { id: 'm1', from: 't/a', to: 't/b', amount: 50, create: { registration: 'B' } })
  await ask('transfer', { id: 'm2', from: 't/b', to: 't/c', amount: 40, create: { registration: 'C' } })
  return { ask, later, end }
}

// In Redis it was burned: money of who stands above was lost.
test.each(kinds)(
  'what a hold gives back passes a closed budget above it, however long ago that closed: $name [I14]',
  async ({ open }) => {
    const { ask, later, end } = await family(open)
    const lines = [{ budget: 't/c', amount: 40 }]
    expect(await ask('hold', { id: ID, lines, ttlMs: DAY_MS, onExpire: 'release' })).toMatchObject({ kind: 'held' })
    expect(await ask('close', { id: 'x', budget: 't/b', why: 'closed' })).toMatchObject({ kind: 'closed' })
    await later(700_000)
    expect(await ask('release', { id: 'r', holdId: ID })).toEqual({ kind: 'released', returned: 40 })
    expect(await ask('describe', 't/a')).toMatchObject({ available: 100 })
    await end()
  },
)

test.each(kinds)('a lease gives back past a closed budget above its own: $name [I14]', async ({ open }) => {
  const { ask, later, end } = await family(open)
  const terms = { instance: 'p', ttlMs: 1_000, least: 40, most: 40 }
  expect(await ask('lease', { id: ID, budget: 't/c', ...terms })).toMatchObject({ kind: 'leased' })
  await later(1_001)
  expect(await ask('close', { id: 'x', budget: 't/b', why: 'closed' })).toMatchObject({ kind: 'closed' })
  await later(DAY_MS)
  await later(DAY_MS)
  expect(await ask('reconcile', { id: 'b', leaseId: ID, used: 10 })).toEqual({ kind: 'reconciled', returned: 30 })
  expect(await ask('describe', 't/a')).toMatchObject({ available: 90 })
  await end()
})

// A script that fails over one request fails all that came with it: up to 512 calls of others.
test.each(kinds)(
  'a capture so late that its budget may be forgotten hurts no other request: $name',
  async ({ open }) => {
    const { ask, later, end } = await family(open)
    const lines = [{ budget: 't/c', amount: 40 }]
    expect(await ask('hold', { id: ID, lines, ttlMs: 60_000, onExpire: 'release' })).toMatchObject({ kind: 'held' })
    expect(await ask('close', { id: 'x', budget: 't/c', why: 'closed' })).toMatchObject({ kind: 'closed' })
    await later(700_000)
    const [late, other] = await Promise.all([
      ask('capture', { id: 'k', holdId: ID, amount: 7, overage: 'cap' }),
      ask('spend', { chargeId: 's', budget: 't/a', tool: 't', cost: 1 }),
    ])
    expect(late).toHaveProperty('kind')
    expect(other).toEqual({ allowed: true, remaining: 49 })
    await end()
  },
)
