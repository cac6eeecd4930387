import { expect, test } from 'vitest'
import { MemoryLedger } from 'mcp-budget'
import { unendedCalls } from 'mcp-budget/audit'
import { callRecord } from '../../support/array-ledger.js'

test('a call that has begun and has no end is listed, whatever the order within its moment [T40]', async () => {
  const ledger = new MemoryLedger()
  const begun = { outcome: 'begun', proves: 'unknown', budgets: [], charge: undefined } as const
  for (let at = 0; at < 50; at++) {
    for (const name of ['a', 'b', 'c']) ledger.append([callRecord({ ...begun, chargeId: `${name}${at}`, at })])
    for (const name of at % 10 === 0 ? ['c', 'a'] : ['b', 'c', 'a'])
      ledger.append([callRecord({ chargeId: `${name}${at}`, at })])
  }
  const small = { page: (request = {}) => ledger.page({ ...request, limit: 7 }) }
  const found: string[] = []
  for await (const { chargeId } of unendedCalls(small, { until: 40 })) found.push(chargeId)
  expect(found).toEqual(['b0', 'b10', 'b20', 'b30'])
})
