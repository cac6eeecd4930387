import { afterAll, describe, expect, test } from 'vitest'
import { allEntries, newClient, newStore } from './store.js'
import { BudgetError } from '../../../src/core/errors.js'
import { FakeClock, simulate } from '../../../src/testing/index.js'
import { HISTORY_BUDGETS, HISTORY_START, randomHistory } from '../../support/random-history.js'
import { InMemoryBudgetEnforcer } from '../../../src/backends/memory/in-memory-budget-enforcer.js'
import { replay } from '../../../src/ledger/replay.js'
import type { BudgetView, HoldingEnforcer } from '../../../src/budget/enforcer.js'
import type { EnforcerCall } from '../../../src/testing/index.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const client = newClient()

afterAll(() => client.disconnect())

async function answerOf(store: HoldingEnforcer, { verb, args }: EnforcerCall): Promise<unknown> {
  try {
    const ask = store[verb as keyof HoldingEnforcer] as (...args: unknown[]) => unknown
    return inNameOrder(await Reflect.apply(ask, store, args))
  } catch (error) {
    if (!BudgetError.isInstance(error)) throw error
    return { throws: error.code }
  }
}

/**
 * Asks in one go, so that it goes to the server in one script. What is about a hold that the store has not heard of has
 * to be looked for, and is asked alone: whatever comes with it would overtake it.
 */
async function askAtOnce(
  store: HoldingEnforcer,
  calls: readonly EnforcerCall[],
  seen: Set<string>,
): Promise<readonly unknown[]> {
  const answers: Promise<unknown>[] = []
  for (const call of calls) {
    const { id, holdId = id, lines } = Object(call.args[0]) as { id?: string; holdId?: string; lines?: object }
    const isOfHold = ['hold', 'capture', 'release', 'extend'].includes(call.verb) && holdId !== undefined
    const isNew = isOfHold && lines === undefined && !seen.has(holdId)
    if (isNew) await Promise.all(answers)
    answers.push(answerOf(store, call))
    if (isNew) await answers.at(-1)
    if (isOfHold && lines !== undefined) seen.add(holdId)
  }
  return await Promise.all(answers)
}

// In which order a store tells the children of a budget is its own business.
function inNameOrder(answer: unknown): unknown {
  const { children } = (answer ?? {}) as Partial<BudgetView>
  return children === undefined ? answer : { ...(answer as BudgetView), children: children.toSorted() }
}

describe('random histories', () => {
  test(
    'get the same answers from Redis and from the memory store, and end with the same balances [I14] [I13]',
    async () => {
      let answers = 0
      for (let seed = 1; seed <= (LONG ? 5_000 : 150); seed++) {
        const clock = new FakeClock(HISTORY_START)
        const memory = new InMemoryBudgetEnforcer({ clock })
        const redis = newStore(client, { clock })
        const seen = new Set<string>()
        for (const [at, { calls, thenMs }] of randomHistory(seed).entries()) {
          const wanted: unknown[] = []
          for (const call of calls) wanted.push(await answerOf(memory, call))
          const got = await askAtOnce(redis, calls, seen)
          for (const [n, call] of calls.entries()) {
            expect(got[n], `seed ${seed}, moment ${at}: ${call.verb}(${JSON.stringify(call.args)})`).toEqual(wanted[n])
          }
          answers += calls.length
          clock.advance(thenMs)
        }
        const views: BudgetView[] = []
        for (const budget of HISTORY_BUDGETS) {
          const call: EnforcerCall = { verb: 'describe', args: [budget] }
          const view = await answerOf(redis, call)
          expect(view, `seed ${seed}: ${budget}`).toEqual(await answerOf(memory, call))
          if ((view as Partial<BudgetView>).in) views.push(view as BudgetView)
        }
        const balances = replay(await allEntries(redis))
        for (const view of views) expect(view, `seed ${seed}`).toMatchObject(balances.get(view.budget) ?? {})
      }
      expect(answers).toBeGreaterThan(20_000)
    },
    LONG ? 3_600_000 : 120_000,
  )

  test(
    'break no rule of the simulator [I1] [I2] [I3] [I4] [I5] [I7] [R1] [R2]',
    async () => {
      for (let seed = 1; seed <= (LONG ? 10_000 : 300); seed++) {
        const { violation } = await simulate({ seed, store: ({ clock }) => newStore(client, { clock }) })
        expect(violation, `seed ${seed}`).toBeUndefined()
      }
    },
    LONG ? 3_600_000 : 240_000,
  )
})
