import { expectMatch, expectSame, expectThat } from './check.js'
import { rule, type Rule } from './case.js'
import type { LedgerRecord, MoneyEntry } from '../../ledger/entry.js'

function money(records: readonly LedgerRecord[] | undefined): readonly MoneyEntry[] {
  return (records ?? []).filter((record) => record.kind === 'money')
}

/** What a store writes down. Every other case replays its entries too. */
export const LEDGER: readonly Rule[] = [
  rule(
    'every change of a budget is one entry with its verb, and sequences have no gaps [I13] [L-P27]',
    async (c, entries) => {
      await c.store.initialize('main', 100)
      await c.store.grant({ id: c.id(), budget: 'main', amount: 1 })
      await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 30, create: true })
      await c.store.spend({ chargeId: c.charge(), budget: 'main', tool: 't', cost: 2 })
      const captured = await c.hold(3)
      await c.store.capture({ id: c.id(), holdId: captured, amount: 1, overage: 'cap' })
      await c.store.release({ id: c.id(), holdId: await c.hold(4) })
      const expired = c.holdRequest(5, { ttlMs: 1_000 })
      await c.store.hold(expired)
      await c.clock.advance(1_000)
      const late = { id: c.id(), holdId: expired.id, amount: 5, overage: 'cap', lines: expired.lines } as const
      await c.store.capture(late)
      await c.store.close({ id: c.id(), budget: 'child', why: 'closed' })
      const ops = money(await entries()).map(({ op }) => op)
      const wanted = 'grant grant transfer transfer spend hold capture hold release hold expire late close close'
      expectSame(ops.join(' '), wanted, 'the verbs of the entries')
    },
  ),
  rule('the entries of a call carry its charge id, its tool and the time', async (c, entries) => {
    await c.store.initialize('main', 100)
    const holdId = await c.hold(6, { meta: { tool: 'draw' } })
    const heldAt = c.clock.now()
    await c.clock.advance(500)
    await c.store.capture({ id: c.id(), holdId, amount: 4, overage: 'cap' })
    const [hold, capture] = money(await entries()).filter(({ id }) => id === holdId)
    const both = { budget: 'default/main', partition: 'default', tool: 'draw' }
    expectMatch(hold, { ...both, op: 'hold', at: heldAt, available: -6, held: 6 }, 'hold')
    expectMatch(capture, { ...both, op: 'capture', at: heldAt + 500, available: 2, held: -6, spent: 4 }, 'capture')
  }),
  rule('a transfer is two entries that name each other’s budget [I13]', async (c, entries) => {
    await c.store.initialize('main', 100)
    const id = c.id()
    await c.store.transfer({ id, from: 'main', to: 'child', amount: 30, create: true })
    const [out, into] = money(await entries()).filter((entry) => entry.id === id)
    expectMatch(out, { budget: 'default/main', counter: 'default/child', available: -30, out: 30 }, 'out')
    expectMatch(into, { budget: 'default/child', counter: 'default/main', available: 30, in: 30 }, 'in')
  }),
  rule('a budget that closes has an entry of it, also where it has nothing left [I13]', async (c, entries) => {
    await c.store.initialize('main', 100)
    await c.store.transfer({ id: c.id(), from: 'main', to: 'child', amount: 30, create: true })
    await c.store.spend({ chargeId: c.charge(), budget: 'child', tool: 't', cost: 30 })
    const id = c.id()
    await c.store.close({ id, budget: 'child', why: 'closed' })
    const [closed, ...others] = money(await entries()).filter((entry) => entry.id === id)
    expectMatch(closed, { budget: 'default/child', op: 'close', available: 0, out: 0, burned: 0 }, 'close')
    expectSame(others.length, 0, 'entries beside it')
  }),
  rule('an expiry is dated by the deadline, whoever looks and when [I13]', async (c, entries) => {
    await c.store.initialize('main', 100)
    const holdId = await c.hold(6, { ttlMs: 1_000 })
    const deadline = c.clock.now() + 1_000
    await c.clock.advance(70_000)
    await c.store.remaining('main')
    const expired = money(await entries()).find(({ id, op }) => id === holdId && op === 'expire')
    expectMatch(expired, { at: deadline, available: 6, held: -6 }, 'expire')
  }),
  rule('refusals, repeated requests and questions write nothing [L-P27]', async (c, entries) => {
    await c.store.initialize('main', 10)
    const hold = c.holdRequest(6)
    const capture = { id: c.id(), holdId: hold.id, amount: 6, overage: 'cap' } as const
    const grant = { id: c.id(), budget: 'main', amount: 5 }
    const ask = async () => {
      await c.store.hold(hold)
      await c.store.capture(capture)
      await c.store.grant(grant)
    }
    await ask()
    const written = money(await entries()).length
    await ask()
    await c.store.initialize('main', 10)
    await c.store.hold(c.holdRequest(11))
    await c.store.release({ id: c.id(), holdId: hold.id })
    await c.store.check('main', 1)
    await c.store.remaining('main')
    expectSame(money(await entries()).length, written, 'entries')
  }),
  rule('each partition counts its own entries [I13]', async (c, entries) => {
    await c.store.initialize('one/main', 10)
    await c.store.initialize('two/main', 20)
    await c.store.grant({ id: c.id(), budget: 'one/main', amount: 1 })
    const found = money(await entries())
    expectThat(found.length === 3, `wanted 3 entries, got ${found.length}`)
    const seen = found.map(({ partition, seq }) => `${partition} ${seq}`).toSorted()
    expectSame(seen.join(', '), 'one 1, one 2, two 1', 'partitions and their sequences')
  }),
]
