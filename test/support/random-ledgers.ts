import fc from 'fast-check'
import { callOf, START } from './ledger-rules.js'
import type { Charge } from '../../src/core/outcome.js'
import type { CallRecord, FoldedCalls } from '../../src/ledger/entry.js'
import type { LedgerQuery } from '../../src/ledger/ledger.js'
import type { ReportSums } from '../../src/ledger/report.js'

const BUDGETS = ['a/x', 'a/y', 'b/x']
const TOOLS = ['t', 'u', "it's"]
const some = <Value>(...values: readonly Value[]) => fc.constantFrom(undefined, ...values)
const OUTCOMES = [
  { outcome: 'result', proves: 'ran' },
  { outcome: 'result', proves: 'failed' },
  { outcome: 'task', proves: 'unknown' },
  { outcome: 'task', proves: 'unknown', taskEnd: 'completed' },
  { outcome: 'input-required', proves: 'unknown' },
  { outcome: 'refused', proves: 'not-run', charge: undefined },
  { outcome: 'begun', proves: 'unknown', charge: undefined },
  { outcome: 'lost', proves: 'unknown', taskEnd: 'expired', late: true },
] as const

const charge = fc
  .record({ charged: fc.nat(9), reported: some(0, 20), full: some(9, 30) })
  .map((sums) => ({ held: 9, end: 'captured', ...sums }) as Charge)

/** What all records of a charge agree on; its task is named by some of them. */
const CHARGES = [
  { chargeId: 'c1', budgets: ['a/x'], operationId: 'op1', server: 'one', taskId: 't1' },
  { chargeId: 'c2', budgets: ['a/x', 'a/y'], operationId: 'op1', server: undefined, taskId: 't2' },
  { chargeId: 'c3', budgets: ['b/x'], operationId: 'op1', server: 'two', taskId: 't1' },
  { chargeId: 'c4', budgets: ['a/x'], operationId: 'op2', server: 'one', taskId: 't1' },
  { chargeId: 'c5', budgets: [], operationId: 'op3', server: 'two', taskId: 't3' },
  { chargeId: 'c6', budgets: ['b/x'], operationId: undefined, server: 'two', taskId: 't4' },
]

/** Few names and few times, so that records meet: of one charge, of one operation, of one task. */
const call: fc.Arbitrary<CallRecord> = fc
  .record({
    charged: fc.constantFrom(...CHARGES),
    hasTask: fc.boolean(),
    at: fc.integer({ min: START - 2, max: START + 3 }),
    tool: fc.constantFrom(...TOOLS),
    tokenId: some('tok1', 'tok2'),
    attempt: fc.integer({ min: 1, max: 3 }),
    charge: fc.option(charge, { nil: undefined }),
    how: fc.constantFrom(...OUTCOMES),
  })
  .map(({ charged, hasTask, how, ...rest }) =>
    callOf({ ...rest, ...charged, ...how, taskId: hasTask ? charged.taskId : undefined }),
  )

const folded: fc.Arbitrary<FoldedCalls> = fc.record({
  kind: fc.constant('calls' as const),
  tool: fc.constantFrom(...TOOLS),
  budgets: fc.subarray(BUDGETS),
  outcome: fc.constantFrom('result' as const, 'refused' as const),
  proves: fc.constant('ran' as const),
  calls: fc.nat(9),
  charged: fc.nat(99),
  reported: fc.nat(99),
})

/** What happens to a ledger: money that is spent, and records that are added. */
export const histories = fc.record({
  spends: fc.array(
    fc.record({ budget: fc.constantFrom(...BUDGETS), tool: fc.constantFrom(...TOOLS), cost: fc.nat(9) }),
    { maxLength: 6 },
  ),
  calls: fc.array(fc.oneof({ weight: 9, arbitrary: call }, { weight: 1, arbitrary: folded }), { maxLength: 25 }),
})

/** Queries that ask for what there is. */
export const queries: fc.Arbitrary<LedgerQuery> = fc
  .record({
    kind: some('money' as const, 'call' as const, 'calls' as const),
    partition: some('a', ''),
    budget: some(...BUDGETS),
    tenant: some('a', 'b'),
    tokenId: some('tok1'),
    tool: some(...TOOLS),
    taskId: some('t1'),
    operationId: some('op1'),
    chargeId: some('c1'),
    since: some(START, START + 1),
    until: some(START + 2),
  })
  .chain((all) => fc.subarray(Object.entries(all), { maxLength: 3 }))
  .map((entries) => Object.fromEntries(entries.filter(([, value]) => value !== undefined)))

/** Sums as lists in one order; budgets about which nothing is said left out. */
export function sumsIn({ byBudget, byTool, byOutcome }: ReportSums): unknown {
  return [byBudget, byTool, byOutcome].map((sums) =>
    [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, sum]) => ({ key, ...sum })),
  )
}

/** Items in an order that does not depend on who gave them, as JSON has them. */
export function byKey(items: readonly object[]): unknown {
  const plain = JSON.parse(JSON.stringify(items)) as object[]
  return plain.map((item) => JSON.stringify(Object.entries(item).toSorted())).toSorted()
}
