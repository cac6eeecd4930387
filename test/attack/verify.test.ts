import { expect, test } from 'vitest'
import { audited } from '../support/audited.js'
import { callRecord } from '../support/array-ledger.js'
import { LedgerSealer, unendedCalls, verifyLedger, type VerifyOptions } from 'mcp-budget/audit'
import { BudgetEvents, meter } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'

test('a ledger that is written and sealed while its end is looked at is not cut off', async () => {
  const { ledger, seals, spend, make, store } = audited()
  spend(3)
  const sealer = make()
  await sealer.seal()
  // The store goes on, and is sealed, just before each look at the end.
  const busy: VerifyOptions['seals'] = {
    heads: () => seals.heads(),
    read: async (of) => {
      if (of.limit === 1 && ledger.of({ partition: 'default', kind: 'money' }).length < 40) {
        spend(1)
        await sealer.seal()
      }
      return seals.read(of)
    },
  }
  expect(await verifyLedger({ ledger, seals: busy, balances: store })).toMatchObject({ kind: 'ok' })
})

test('a call record with a number of its own is not what was sealed', async () => {
  const { ledger, spend, make, check } = audited()
  spend(3)
  await make().checkpoint()
  const list = ledger.of({ partition: 'default', kind: 'call' })
  list[1] = { seq: 2, record: { ...list[1]!.record, seq: 77 } as never }
  expect(await check()).toMatchObject({ kind: 'broken', record: 'call', seq: 2 })
})

async function sqlite() {
  const clock = new FakeClock()
  const store = await SqliteBudgetEnforcer.open({ database: ':memory:', clock })
  const { ledger, seals } = store
  const verify = (more: Partial<VerifyOptions> = {}) => verifyLedger({ ledger, seals, balances: store, ...more })
  const sealer = new LedgerSealer({ ledger, seals, clock })
  return { clock, store, verify, sealer }
}

test('a budget whose window, holds and children are over since is what its entries say', async () => {
  const { clock, store, verify, sealer } = await sqlite()
  await store.initialize('w', 100)
  await store.hold({
    id: 'h',
    lines: [{ budget: 'w', amount: 7 }],
    ttlMs: 1_000,
    onExpire: 'capture',
  })
  await store.transfer({ id: 't', from: 'w', to: 'x', amount: 10, create: true })
  await sealer.seal()
  clock.advance(86_400_000 * 3)
  expect(await verify()).toMatchObject({ kind: 'ok' })
  expect(await verify()).toMatchObject({ kind: 'ok' })
})

test('a budget whose window is over since is what its entries say', async () => {
  const { clock, store, verify } = await sqlite()
  await store.initialize('w', 100)
  const at = clock.now()
  const day = 86_400_000
  const span = (n: number) => [at + n * day, at + (n + 1) * day] as const
  await store.hold({
    id: 'h',
    lines: [{ budget: 'w', amount: 7, window: { current: span(0), previous: span(-1), next: span(1) } }],
    ttlMs: 1_000,
    onExpire: 'capture',
  })
  clock.advance(3 * day)
  expect(await verify()).toMatchObject({ kind: 'ok' })
})

test('a call that was refused without a budget has an end', async () => {
  const { store } = await sqlite()
  await store.initialize('a', 1_000)
  const { ledger } = store
  const seat = meter({
    enforcer: store,
    budget: 'a',
    prices: { costs: { known: 5 } },
    ledger,
    auditRequired: true,
    events: new BudgetEvents(),
  })
  await seat.run({ tool: 'unknown' }, () => ({ content: [] }))
  await seat.run({ tool: 'known' }, () => ({ content: [] }))
  await seat.flush()
  const all = await ledger.entries({ kind: 'call' })
  expect(all.map((each) => (each as { outcome: string }).outcome).sort()).toEqual(['begun', 'begun', 'ran', 'refused'])
  const found: unknown[] = []
  for await (const each of unendedCalls(ledger)) found.push(each)
  expect(found).toEqual([])
})

test('a call that was killed in its second round has no end', async () => {
  const { ledger: _, ...__ } = audited()
  const { store } = await sqlite()
  await store.initialize('a', 1_000)
  const { ledger } = store
  const at = 1_800_000_000_000
  await ledger.append([callRecord({ outcome: 'begun', proves: 'unknown', charge: undefined, chargeId: 'r1', at })])
  await ledger.append([callRecord({ outcome: 'input-required', proves: 'ran', chargeId: 'r1', at })])
  const killed: string[] = []
  for await (const { chargeId } of unendedCalls(ledger)) killed.push(chargeId)
  expect(killed).toEqual(['r1'])
})

test('a call that ended in its second round, at a later time, has an end', async () => {
  const { store } = await sqlite()
  await store.initialize('a', 1_000)
  const { ledger } = store
  const at = 1_800_000_000_000
  await ledger.append([callRecord({ outcome: 'begun', proves: 'unknown', charge: undefined, chargeId: 'r1', at })])
  await ledger.append([callRecord({ outcome: 'input-required', proves: 'ran', chargeId: 'r1', at })])
  await ledger.append([callRecord({ outcome: 'ran', proves: 'ran', chargeId: 'r1', at: at + 5 })])
  const killed: string[] = []
  for await (const { chargeId } of unendedCalls(ledger)) killed.push(chargeId)
  expect(killed).toEqual([])
})
