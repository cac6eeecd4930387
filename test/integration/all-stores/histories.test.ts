import { describe, expect, test } from 'vitest'
import { allStores, answerOf, type OpenStore } from './stores.js'
import { FakeClock, type EnforcerCall } from '../../../src/testing/index.js'
import { HISTORY_BUDGETS, HISTORY_START, randomHistory } from '../../support/random-history.js'
import { replay } from '../../../src/ledger/replay.js'
import type { BudgetView, DelegatingEnforcer } from '../../../src/budget/enforcer.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const SEEDS = LONG ? 1_000 : 40
const HOURS_2 = 7_200_000

const OF_HOLDS: readonly string[] = ['hold', 'capture', 'release', 'extend', 'lease', 'renew', 'settle', 'reconcile']

const kinds = allStores()

async function oneByOne(store: DelegatingEnforcer, calls: readonly EnforcerCall[]): Promise<readonly unknown[]> {
  const answers: unknown[] = []
  for (const { verb, args } of calls) answers.push(await answerOf(store, verb, args))
  return answers
}

/**
 * Asks in one go, so that it is one step of the store. What is about a hold that a store of several partitions has not
 * heard of has to be looked for, and is asked alone: whatever comes with it would overtake it.
 */
async function atOnce(
  store: DelegatingEnforcer,
  calls: readonly EnforcerCall[],
  seen: Set<string>,
): Promise<readonly unknown[]> {
  const answers: Promise<unknown>[] = []
  for (const { verb, args } of calls) {
    const named = Object(args[0]) as { id?: string; holdId?: string; leaseId?: string; lines?: object }
    const { id, leaseId = id, holdId = leaseId, lines = verb === 'lease' ? {} : undefined } = named
    const isOfHold = OF_HOLDS.includes(verb) && holdId !== undefined
    const isNew = isOfHold && lines === undefined && !seen.has(holdId)
    if (isNew) await Promise.all(answers)
    answers.push(answerOf(store, verb, args))
    if (isNew) await answers.at(-1)
    if (isOfHold && lines !== undefined) seen.add(holdId)
  }
  return await Promise.all(answers)
}

/** What a store says of all budgets at the end, which its books must say too. */
async function viewsOf({ store, entries }: OpenStore, seed: number): Promise<readonly unknown[]> {
  const views: Array<Partial<BudgetView>> = []
  for (const budget of HISTORY_BUDGETS) views.push((await answerOf(store, 'describe', [budget])) as Partial<BudgetView>)
  // After the views: whoever asks ends what is due.
  const balances = replay(await entries())
  for (const view of views)
    if (view.budget !== undefined)
      expect(view, `seed ${seed}: the books`).toMatchObject(balances.get(view.budget) ?? {})
  return views
}

describe('one random history', () => {
  test(
    'gets the same answers from all four stores, and ends with the same balances and the same books [I14, I13, L-P8]',
    async () => {
      let answers = 0
      for (let seed = 1; seed <= SEEDS; seed++) {
        const clock = new FakeClock(HISTORY_START)
        const [memory, ...others] = await Promise.all(
          kinds.map(async (kind) => ({ ...kind, ...(await kind.open(clock)) })),
        )
        const seen = others.map(() => new Set<string>())
        for (const [at, { calls, thenMs }] of randomHistory(seed).entries()) {
          const wanted = await oneByOne((memory as OpenStore).store, calls)
          const all = await Promise.all(others.map(({ store }, n) => atOnce(store, calls, seen[n] as Set<string>)))
          for (const [n, got] of all.entries())
            for (const [m, call] of calls.entries())
              expect(
                got[m],
                `seed ${seed}, moment ${at}, ${others[n]?.name}: ${call.verb}(${JSON.stringify(call.args)})`,
              ).toEqual(wanted[m])
          answers += calls.length
          clock.advance(thenMs)
        }
        const wanted = await viewsOf(memory as OpenStore, seed)
        for (const other of others) {
          expect(await viewsOf(other, seed), `seed ${seed}: ${other.name}`).toEqual(wanted)
          await other.end()
        }
      }
      expect(answers).toBeGreaterThan(100 * SEEDS)
    },
    LONG ? HOURS_2 : 120_000,
  )
})
