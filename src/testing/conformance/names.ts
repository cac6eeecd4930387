import { expectMatch, expectSame } from './check.js'
import { rule, type Rule } from './case.js'

/** Names that are keys of every object. */
const HOSTILE = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf'] as const

/** What is no name of a budget. */
const NO_NAME: readonly unknown[] = ['', 'a b', 'a/b/c', '/', 'a/', 'naïve', 'a\n', 'x'.repeat(65), 'a:b', null, 7, {}]

/** Names. */
export const NAMES: readonly Rule[] = [
  ...HOSTILE.map((name) =>
    rule(`a budget named ${name} is a budget like any other [T17] [T38]`, async (c) => {
      expectMatch(await c.store.check(name, 0), { allowed: false, reason: 'unknown_budget' }, 'check')
      await c.expectThrow('remaining', () => c.store.remaining(name), 'unknown_budget')
      await c.store.initialize(name, 10)
      const holdId = await c.hold(0, { lines: [{ budget: name, amount: 6 }] })
      await c.store.capture({ id: c.id(), holdId, amount: 4, overage: 'cap' })
      await c.store.transfer({ id: c.id(), from: name, to: 'child', amount: 1, create: true })
      await c.expect(name, { available: 5, spent: 4, out: 1, budget: `default/${name}` })
    }),
  ),
  rule('tools and requests named like object keys are kept apart [T17] [T38]', async (c) => {
    await c.store.initialize('main', 100)
    for (const name of HOSTILE) {
      const spend = { chargeId: name, budget: 'main', tool: name, cost: 1 }
      expectMatch(await c.store.spend(spend), { allowed: true }, `spend ${name}`)
      const hold = c.holdRequest(1, { id: `hold-${name}`, meta: { tool: name } })
      expectMatch(await c.store.hold(hold), { kind: 'held' }, `hold ${name}`)
      expectMatch(await c.store.grant({ id: name, budget: 'main', amount: 1 }), { kind: 'moved' }, `grant ${name}`)
    }
    await c.expect('main', { spent: HOSTILE.length, held: HOSTILE.length, in: 100 + HOSTILE.length })
  }),
  rule('ids that would meet if they were joined by a separator are kept apart [T38]', async (c) => {
    await c.store.initialize('a/b', 10)
    await c.store.initialize('a/b-c', 10)
    for (const [budget, chargeId] of [
      ['a/b', 'c:1'],
      ['a/b', 'c'],
      ['a/b-c', '1'],
      ['a/b-c', ':1'],
    ] as const) {
      expectMatch(await c.store.spend({ chargeId, budget, tool: 't', cost: 1 }), { allowed: true }, chargeId)
    }
    await c.expect('a/b', { spent: 2 })
    await c.expect('a/b-c', { spent: 2 })
  }),
  rule('tenants with a budget of the same name are kept apart', async (c) => {
    await c.store.initialize('one/main', 10)
    await c.store.initialize('two/main', 20)
    await c.store.spend({ chargeId: c.charge(), budget: 'one/main', tool: 't', cost: 4 })
    expectSame(await c.store.remaining('one/main'), 6, 'remaining of one')
    expectSame(await c.store.remaining('two/main'), 20, 'remaining of two')
    expectMatch(await c.store.check('main', 0), { allowed: false, reason: 'unknown_budget' }, 'the default tenant')
  }),
  rule('what is no budget’s name throws and changes nothing [T38]', async (c) => {
    await c.store.initialize('main', 10)
    for (const value of NO_NAME) {
      const budget = value as string
      const what = JSON.stringify(value)
      const code = 'invalid_budget_id'
      const hold = c.holdRequest(0, { lines: [{ budget, amount: 1 }] })
      const spend = { chargeId: c.charge(), budget, tool: 't', cost: 1 }
      await c.expectThrow(`check ${what}`, () => c.store.check(budget, 1), code)
      await c.expectThrow(`spend ${what}`, () => c.store.spend(spend), code)
      await c.expectThrow(`initialize ${what}`, () => c.store.initialize(budget, 1), code)
      await c.expectThrow(`hold ${what}`, () => c.store.hold(hold), code)
      await c.expectThrow(`grant ${what}`, () => c.store.grant({ id: c.id(), budget, amount: 1 }), code)
      const move = { id: c.id(), from: 'main', to: budget, amount: 1, create: true }
      await c.expectThrow(`transfer ${what}`, () => c.store.transfer(move), code)
      await c.expectThrow(`close ${what}`, () => c.store.close({ id: c.id(), budget, why: 'closed' }), code)
      await c.expectThrow(`describe ${what}`, () => c.store.describe(budget), code)
    }
  }),
]
