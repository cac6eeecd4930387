import { InMemoryBudgetEnforcer } from 'mcp-budget'
import { FakeClock, fakeEnforcer, faultyEnforcer } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { tokenSeat } from '../../support/token-seat.js'
import { attenuate } from 'mcp-budget/delegation'

describe('budget/balance, asked by a token', () => {
  test('tells of its own budget alone: what is left, held, spent and owed', async () => {
    const { ask, call, mint, memory } = tokenSeat({ budget: { budget: 'acme/team' } })
    memory.initialize('acme/team', 5_000)
    await call(mint())
    expect(await ask('budget/balance', {}, mint())).toEqual({
      mode: 'hard',
      budgets: [
        {
          budget_id: 'acme/agent-1',
          token_id: expect.stringMatching(/^[\w-]{12}$/),
          remaining: 995,
          held: 0,
          spent: 5,
          debt: 0,
        },
      ],
    })
  })

  test.each([
    ['its budget', 30, {}, 30],
    ['another budget that pays with it', 1_000, { team: 20 }, 20],
    ['its ceiling', 1_000, { team: 20, max: 15 }, 15],
    ['the narrower of two ceilings', 1_000, { max: 15, narrower: 9 }, 9],
    ['nothing, where the budget is empty', 0, { max: 15 }, 0],
  ])('is no more than it could spend: %s', async (_, credits, { team = 9_999, max, narrower }: any, remaining) => {
    const { ask, mint, memory } = tokenSeat({ credits, budget: { budget: 'acme/team' } })
    memory.initialize('acme/team', team)
    const token = mint(max === undefined ? {} : { max })
    const asked = narrower === undefined ? token : attenuate(token, { max: narrower })
    expect((await ask('budget/balance', {}, asked)).budgets).toMatchObject([{ remaining }])
    expect(await ask('satgate/budget', {}, asked)).toMatchObject({ budgetId: 'acme/agent-1', remaining })
  })

  test('counts the calls that are left, where the token counts them', async () => {
    const { ask, call, mint } = tokenSeat()
    const token = mint({ calls: 3 })
    await call(token)
    expect((await ask('budget/balance', {}, token)).budgets).toMatchObject([{ remaining_calls: 2 }])
    const narrow = attenuate(token, { calls: 1 })
    expect((await ask('budget/balance', {}, narrow)).budgets).toMatchObject([{ remaining_calls: 1 }])
  })

  test('needs the op [L-P24], and takes no parameters', async () => {
    const { ask, mint } = tokenSeat()
    expect((await ask('budget/balance', {}, mint({ ops: ['call'] }))).data.error).toBe('unauthorized')
    expect((await ask('budget/balance', { budget: 'acme/other' }, mint())).data.reason).toBe('unknown_parameter')
    expect((await ask('budget/balance', {})).data.error).toBe('unauthorized')
  })

  test('needs no right to call a tool, and costs nothing', async () => {
    const { ask, mint, balance } = tokenSeat()
    expect(await ask('budget/balance', {}, mint({ ops: ['balance'], tool: ['nothing'], call: 0 }))).toHaveProperty(
      'budgets',
    )
    expect(balance()).toMatchObject({ available: 1_000, held: 0, spent: 0 })
  })

  test('is unavailable where the store is', async () => {
    const clock = new FakeClock()
    const memory = new InMemoryBudgetEnforcer({ clock })
    memory.initialize('acme/agent-1', 5)
    const store = () => faultyEnforcer(memory, (verb) => (verb === 'describe' ? 'throw' : undefined)) as never
    const { ask, mint } = tokenSeat({ clock, memory, store })
    expect((await ask('budget/balance', {}, mint())).data).toMatchObject({
      error: 'budget_unavailable',
      retryable: true,
    })
  })

  test('tells what others have spent of a budget to nobody who has but a share of it [T35]', async () => {
    const { ask, call, mint } = tokenSeat()
    await call(mint())
    const [shown] = (await ask('budget/balance', {}, mint({ max: 10 }))).budgets
    expect(Object.keys(shown).sort()).toEqual(['budget_id', 'remaining', 'token_id'])
  })
})

test('a store that knows no tokens refuses a call that is made by one', async () => {
  const { call, mint, handed } = tokenSeat({
    auth: {},
    budget: { enforcer: { ...verbsOf(fakeEnforcer({ remaining: 9 })) } as never },
  })
  expect((await call(mint())).error.data.error).toBe('budget_unavailable')
  expect(handed).toEqual([])
})

/** The four verbs of a store, and nothing else. */
function verbsOf(store: any): object {
  return Object.fromEntries(
    ['check', 'spend', 'remaining', 'initialize'].map((verb) => [verb, store[verb].bind(store)]),
  )
}
