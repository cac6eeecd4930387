import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asyncEnforcer, FakeClock } from '../../../../src/testing/index.js'
import { childOf, narrowed, ROOT } from '../../../../src/testing/conformance/tokens.js'
import { InMemoryBudgetEnforcer } from '../../../../src/backends/memory/in-memory-budget-enforcer.js'
import { isBalanced } from '../../../../src/testing/conformance/invariants.js'
import { MemoryLedger } from '../../../../src/ledger/memory-ledger.js'
import { replay } from '../../../../src/ledger/replay.js'
import type { Authority } from '../../../../src/budget/authority.js'
import type { BudgetView } from '../../../../src/budget/enforcer.js'

const GRANTED = 200
const OPS = ['delegate', 'delegate', 'hold', 'hold', 'up', 'down', 'close', 'revoke', 'wait'] as const

/** One thing that somebody does: who, of those that are there by then, to whom, and with how much. */
const steps = fc.array(
  fc.record({
    op: fc.constantFrom(...OPS),
    who: fc.nat(20),
    whom: fc.nat(20),
    amount: fc.integer({ min: 1, max: 60 }),
    part: fc.nat(80),
    end: fc.constantFrom('capture', 'debt', 'release', 'keep'),
    isTwice: fc.boolean(),
  }),
  { minLength: 200, maxLength: 200 },
)

test('random trees lose and make no credits, whatever races in them, and no child has more than was carved [T10, I1, I2, I11, I13, L-P10]', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), steps, async (s, plan) => {
      const clock = new FakeClock()
      const ledger = new MemoryLedger()
      const store = new InMemoryBudgetEnforcer({ clock, ledger })
      store.initialize('main', GRANTED)
      const hop = (call: { verb: string }): Promise<unknown> => s.schedule(Promise.resolve(), call.verb)
      const net = asyncEnforcer(store, { before: hop, after: hop })
      const tokens: Authority[] = [ROOT]

      const run = async (step: (typeof plan)[number], n: number): Promise<void> => {
        const authority = tokens[step.who % tokens.length]!
        const other = tokens[step.whom % tokens.length]!.budget
        const { amount, part } = step
        const id = `request-${n}`
        const twice = async (ask: () => Promise<unknown>): Promise<void> => {
          const [first, second] = await Promise.all([ask(), step.isTwice ? ask() : undefined])
          if (second !== undefined) expect(second).toEqual(first)
        }
        switch (step.op) {
          case 'delegate': {
            const presented = narrowed(authority, `${n % 3}`)
            const child = childOf(presented, `child-${n}`)
            const expiresAt = part % 3 === 0 ? { expiresAt: clock.now() + part * 20 } : {}
            const create = { registration: child.prefixIds.at(-1)!, ...expiresAt }
            const request = { id, from: presented.budget, to: child.budget, amount, create, authority: presented }
            await twice(async () => net.transfer({ ...request }))
            tokens.push(child)
            return
          }
          case 'hold': {
            const lines = [{ budget: authority.budget, amount }]
            const overdraft = part % 10 === 0
            const held = await net.hold({ id, lines, ttlMs: 1_000, onExpire: 'release', overdraft, authority })
            if (held.kind === 'refused' || step.end === 'keep') return
            const end = { id: `${id}.e`, holdId: id }
            if (step.end === 'release') return twice(async () => net.release({ ...end }))
            const overage = step.end === 'debt' ? 'debt' : 'cap'
            return twice(async () => net.capture({ ...end, amount: part, overage }))
          }
          case 'up':
          case 'down': {
            const to = step.op === 'down' ? other : (authority.registrations.at(-1)?.parent ?? other)
            return twice(async () => net.transfer({ id, from: authority.budget, to, amount, authority }))
          }
          case 'close':
            if (part < 20) await twice(async () => net.close({ id, budget: other, why: 'closed', authority }))
            return
          case 'revoke':
            if (part < 10 && authority !== ROOT)
              await twice(async () => net.revoke!({ id, budget: 'main', prefixId: authority.prefixIds.at(-1)! }))
            return
          case 'wait':
            clock.advance(part)
        }
      }

      const check = (): void => {
        const views = new Map<string, BudgetView>()
        const visit = (budget: string): void => {
          const view = store.describe(budget)
          views.set(budget, view)
          view.children.forEach(visit)
        }
        visit('default/main')
        const sum = (of: Iterable<BudgetView>, read: (view: BudgetView) => number): number =>
          [...of].reduce((total, view) => total + read(view), 0)
        const balances = replay(ledger.entries())
        for (const [budget, view] of views) {
          expect(isBalanced(view), budget).toBe(true)
          expect(view.available * view.debt, budget).toBe(0)
          expect(view.state === 'open' || view.available === 0, budget).toBe(true)
          expect(view.state === 'closed' ? view.held : 0, budget).toBe(0)
          expect(view).toMatchObject(balances.get(budget) ?? {})
        }
        // Of the tree: what was granted is somewhere, and what is owed was used besides.
        const all = [...views.values()]
        const somewhere = sum(all, (view) => view.available + view.held + view.spent + view.burned)
        expect(somewhere).toBe(GRANTED + sum(all, ({ debt }) => debt))
      }

      // Eight at a time race, and then the books are looked at.
      for (let from = 0; from < plan.length; from += 8) {
        const racing = plan.slice(from, from + 8).map((step, i) => run(step, from + i))
        await s.waitFor(Promise.all(racing))
        check()
      }
      clock.advance(60_000)
      check()
    }),
    { numRuns: process.env['MCP_BUDGET_LONG'] === '1' ? 2_000 : 60 },
  )
}, 600_000)
