import fc from 'fast-check'
import { test } from 'vitest'
import { Advance, Ask, setup, START } from '../../../support/model.js'
import type { EnforcerCall } from '../../../../src/testing/index.js'
import type { LineWindow } from '../../../../src/budget/enforcer.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'

// Few names and few amounts, so that requests meet.
const budget = fc.constantFrom('t/a', 't/b', 't/child', 't/grandchild', 'other/a')
const ours = fc.constantFrom('t/a', 't/b', 't/child', 't/grandchild')
const amount = fc.nat(12)
const moved = fc.integer({ min: 1, max: 12 })
const number = fc.nat(5)
const chargeId = number.map((n) => `${START.toString(36)}-${'0'.repeat(24)}-${n}`)
const id = number.map((n) => `request-${n}`)
const ttlMs = fc.constantFrom(1, 50, 1_000, 100_000)
const onExpire = fc.constantFrom('capture', 'release')
const overage = fc.constantFrom('cap', 'debt')
const window = fc.nat(6).map((n): LineWindow => {
  const start = START + n * 1_000
  return { previous: [start - 1_000, start], current: [start, start + 1_000], next: [start + 1_000, start + 2_000] }
})
const line = fc.record(
  { budget, amount, unit: fc.constantFrom('credits', 'calls'), window },
  { requiredKeys: ['budget', 'amount', 'unit'] },
)
const lines = fc.uniqueArray(line, { minLength: 1, maxLength: 3, selector: (each) => each.budget })

/** What a capture says of a hold that the store may not know: always the same for the same hold. */
const linesOf = (holdId: string) =>
  holdId.endsWith('0') ? {} : { lines: [{ budget: holdId.endsWith('1') ? 't/b' : 't/a', amount: 5 }] }

const requests = {
  check: fc.tuple(budget, amount),
  remaining: fc.tuple(budget),
  initialize: fc.tuple(ours, fc.constantFrom(0, 10, 30)),
  spend: fc.tuple(fc.record({ chargeId, budget, tool: fc.constantFrom('x', 'y'), cost: amount })),
  hold: fc.tuple(fc.record({ id: chargeId, lines, ttlMs, onExpire, overdraft: fc.boolean() })),
  capture: fc.tuple(
    fc
      .record({ id, holdId: chargeId, amount, overage })
      .map((request) => ({ ...request, id: `c-${request.id}`, ...linesOf(request.holdId) })),
  ),
  release: fc.tuple(fc.record({ id: id.map((n) => `r-${n}`), holdId: chargeId })),
  extend: fc.tuple(fc.record({ id, holdId: chargeId, ttlMs })),
  grant: fc.tuple(fc.record({ id, budget, amount: moved })),
  transfer: fc.tuple(fc.record({ id, from: budget, to: budget, amount: moved, create: fc.boolean() })),
  close: fc.tuple(fc.record({ id, budget, why: fc.constantFrom('closed', 'revoked') })),
}

const asks = Object.entries(requests).map(([verb, args]) =>
  (args as fc.Arbitrary<unknown[]>).map((given) => new Ask({ verb, args: given } as unknown as EnforcerCall)),
)
const advance = fc.constantFrom(1, 49, 50, 999, 1_000, 5_000).map((ms) => new Advance(ms))

test(
  'any sequence of requests gets the answers of the plain model, and the same balances [I1] [I4] [I5] [I10] [I13] [I18]',
  () => {
    const commands = fc.commands([...asks, advance], { maxCommands: 60, size: 'max' })
    fc.assert(
      fc.property(commands, (sequence) => fc.modelRun(setup, sequence)),
      { numRuns: LONG ? 50_000 : 2_000 },
    )
  },
  LONG ? 600_000 : 60_000,
)
