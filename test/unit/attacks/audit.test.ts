import { expect, test } from 'vitest'
import { audited } from '../../support/audited.js'
import { callRecord } from '../../support/array-ledger.js'
import { FakeClock } from 'mcp-budget/testing'
import { LedgerSealer, unendedCalls, verifyLedger, type VerifyOptions } from 'mcp-budget/audit'
import { MemoryLedger, meter, type CallRecord, type LedgerQuery } from 'mcp-budget'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'

test('a ledger that is written and sealed at each look at its end is not taken for a cut one [T40]', async () => {
  const { ledger, seals, spend, make, store } = audited()
  spend(3)
  const sealer = make()
  await sealer.seal()
  const busy: VerifyOptions['seals'] = {
    heads: () => seals.heads(),
    read: async (of) => {
      if (of.limit === 1) {
        spend(1)
        await sealer.seal()
      }
      return seals.read(of)
    },
  }
  expect(await verifyLedger({ ledger, seals: busy, balances: store })).toMatchObject({ kind: 'ok' })
})

test('a number in the record of a call, which the hash does not see, is found out [T40]', async () => {
  const { ledger, spend, make, check } = audited()
  spend(3)
  await make().checkpoint()
  const list = ledger.of({ partition: 'default', kind: 'call' })
  list[1] = { seq: 2, record: { ...list[1]!.record, seq: 77 } as never }
  expect(await check()).toMatchObject({ kind: 'broken', record: 'call', seq: 2, why: 'order' })
})

test('what the store does by itself when it is asked is no fault of its balances', async () => {
  const clock = new FakeClock()
  const store = await SqliteBudgetEnforcer.open({ database: ':memory:', clock })
  const { ledger, seals } = store
  const [at, day] = [clock.now(), 86_400_000]
  const span = (n: number) => [at + n * day, at + (n + 1) * day] as const
  await store.initialize('w', 100)
  const window = { current: span(0), previous: span(-1), next: span(1) }
  await store.hold({ id: 'h', lines: [{ budget: 'w', amount: 7, window }], ttlMs: 1_000, onExpire: 'capture' })
  await new LedgerSealer({ ledger, seals, clock }).seal()
  clock.advance(3 * day)
  expect(await verifyLedger({ ledger, seals, balances: store })).toMatchObject({ kind: 'ok' })
  await store.shutdown()
})

test('a call that was refused before a budget was asked has an end, whatever is asked for [T40]', async () => {
  const clock = new FakeClock()
  const enforcer = await SqliteBudgetEnforcer.open({ database: ':memory:', clock })
  const { ledger } = enforcer
  await enforcer.initialize('a', 1_000)
  const seat = meter({ enforcer, budget: 'a', prices: { costs: { known: 5 } }, ledger, auditRequired: true, clock })
  await seat.run({ tool: 'unpriced' }, () => ({ content: [] }))
  await seat.run({ tool: 'known' }, () => ({ content: [] }))
  await seat.flush()
  const ended = (await ledger.entries({ kind: 'call' })) as readonly CallRecord[]
  const killed = { ...ended[0]!, chargeId: 'killed' as never, outcome: 'begun', budgets: ['default/a'] } as const
  await ledger.append([killed])
  const queries: LedgerQuery[] = [{}, { tenant: 'default' }, { budget: 'a' }, { partition: 'default' }]
  for (const query of queries) {
    const found: string[] = []
    for await (const { chargeId } of unendedCalls(ledger, query)) found.push(chargeId)
    expect(found).toEqual(['killed'])
  }
  await enforcer.shutdown()
})

test('a call that was killed in its second round has no end', async () => {
  const ledger = new MemoryLedger()
  const at = 1_800_000_000_000
  ledger.append([callRecord({ outcome: 'begun', proves: 'unknown', charge: undefined, chargeId: 'r1', at })])
  ledger.append([callRecord({ outcome: 'input-required', proves: 'ran', chargeId: 'r1', at })])
  const killed: string[] = []
  for await (const { chargeId } of unendedCalls(ledger)) killed.push(chargeId)
  expect(killed).toEqual(['r1'])
})
