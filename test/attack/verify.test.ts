import { expect, test } from 'vitest'
import { callRecord } from '../support/array-ledger.js'
import { MemoryLedger } from 'mcp-budget'
import { unendedCalls } from 'mcp-budget/audit'

test('a call that was killed in its second round has no end', async () => {
  const ledger = new MemoryLedger()
  const at = 1_800_000_000_000
  ledger.append([callRecord({ outcome: 'begun', proves: 'unknown', charge: undefined, chargeId: 'r1', at })])
  ledger.append([callRecord({ outcome: 'input-required', proves: 'ran', chargeId: 'r1', at })])
  const killed: string[] = []
  for await (const { chargeId } of unendedCalls(ledger)) killed.push(chargeId)
  expect(killed).toEqual(['r1'])
})
