/**
 * Two stores of one's own. The first has four verbs and keeps budgets in a JSON file: enough for `withBudget`, which
 * then pays before the call. The second can hold, keeps a journal, and passes the conformance kit.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  compose,
  MemoryLedger,
  withBudget,
  withCostProfile,
  type BudgetEnforcer,
  type HoldingEnforcer,
} from 'mcp-budget'
import { enforcerConformance, FakeClock, simulate } from 'mcp-budget/testing'
import { FileEnforcer } from './file-enforcer.js'
import { journalEnforcer } from './journal-enforcer.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-'))
try {
  await fourVerbs()
  await holding()
  await conformance()
  await simulation()
} finally {
  rmSync(folder, { recursive: true })
}

async function fourVerbs(): Promise<void> {
  const path = join(folder, 'budgets.json')
  const first = new FileEnforcer(path)
  first.initialize('agent-1', 12)
  console.log('A JSON file, 12 credits; a call costs 5, and one that fails 1')
  assert.equal(await call(first, works), 'result, 7 left')
  // As after a restart: another object over the same file.
  const second = new FileEnforcer(path)
  second.initialize('agent-1', 12)
  assert.equal(await call(second, fails), 'error, 2 left', 'what was paid before the call is not given back')
  assert.equal(await call(second, works), 'refused: insufficient, 2 left')

  const request = { chargeId: 'one-charge', budget: 'agent-1', tool: 'search', cost: 1 }
  assert.deepEqual(second.spend(request), { allowed: true, remaining: 1 })
  assert.deepEqual(second.spend(request), { allowed: true, remaining: 1 }, 'a repeated request is charged once')
  assert.equal(second.spend({ ...request, cost: 0 }).allowed, false, 'and its id is good for nothing else')
  assert.throws(() => second.initialize('agent-1', 1_000), { code: 'budget_exists' })
}

async function holding(): Promise<void> {
  const path = join(folder, 'budgets.journal')
  const clock = new FakeClock()
  const first = journalEnforcer(path, { clock })
  await first.initialize('agent-1', 12)
  console.log('\nA journal, the same credits and prices')
  assert.equal(await call(first, works), 'result, 7 left')
  assert.equal(await call(first, fails), 'error, 6 left')

  // The process dies during a call: nobody knows whether it ran.
  await first.hold({ id: 'lost', lines: [{ budget: 'agent-1', amount: 5 }], ttlMs: 60_000, onExpire: 'release' })
  const second = journalEnforcer(path, { clock })
  const { held, available, spent } = await second.describe('agent-1')
  assert.deepEqual({ held, available, spent }, { held: 5, available: 1, spent: 6 })
  console.log('  the hold of a process that died is still there')
  clock.advance(60_000)
  assert.equal(await second.remaining('agent-1'), 6)
  console.log('  a minute later its 5 credits are back')
}

// #region conformance
async function conformance(): Promise<void> {
  let stores = 0
  const ledgers = new WeakMap<HoldingEnforcer, MemoryLedger>()
  const cases = enforcerConformance({
    create(clock) {
      const ledger = new MemoryLedger()
      const store = journalEnforcer(join(folder, `${++stores}.journal`), { clock, ledger })
      ledgers.set(store, ledger)
      return store
    },
    ledger: (store) => ledgers.get(store)?.entries() ?? [],
  })
  for (const each of cases) await each.run().catch((error: unknown) => assert.fail(`${each.name}: ${String(error)}`))
  console.log(`\nThe journal passes all ${cases.length} cases of the conformance kit`)
}
// #endregion conformance

async function simulation(): Promise<void> {
  const seeds = 25
  for (let seed = 1; seed <= seeds; seed++) {
    const path = join(folder, `seed-${seed}.journal`)
    const ledger = new MemoryLedger()
    const { violation } = await simulate({ seed, store: ({ clock }) => journalEnforcer(path, { clock, ledger }) })
    assert.equal(violation, undefined, `seed ${seed}`)
    // A new process that reads the journal comes to the same entries, up to the last request that changed something.
    const again = new MemoryLedger()
    journalEnforcer(path, { ledger: again })
    assert.deepEqual(again.entries(), ledger.entries().slice(0, again.size), `seed ${seed}, read back`)
    assert.ok(again.size > 0)
  }
  console.log(`It keeps every rule through ${seeds} random histories, and reads each of them back`)
}

async function works(): Promise<unknown> {
  return { content: [] }
}

async function fails(): Promise<unknown> {
  throw new Error('no such host')
}

async function call(enforcer: BudgetEnforcer, work: () => Promise<unknown>): Promise<string> {
  // #region compose
  const meter = compose(
    withCostProfile({ costs: { search: { price: 5, failed: 1 } } }),
    withBudget({ enforcer, budget: 'agent-1' }),
  )
  // #endregion compose
  const outcome = await meter.run({ tool: 'search' }, work)
  const what = outcome.kind === 'refused' ? `refused: ${outcome.refusal.reason}` : outcome.kind
  const line = `${what}, ${await enforcer.remaining('agent-1')} left`
  console.log(`  ${line}`)
  return line
}
