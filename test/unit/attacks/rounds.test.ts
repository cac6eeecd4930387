/** Rounds of a call, brought by who should not, or twice, or under other terms. */
import {
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  wrapTransport,
  type BudgetEnforcer,
  type BudgetOptions,
  type HoldingEnforcer,
  type SeatOptions,
} from 'mcp-budget'
import { FakeClock, settle } from 'mcp-budget/testing'
import { expect, test } from 'vitest'
import { call, MODERN, resultOf } from '../../support/seat.js'
import { StubTransport } from '../../support/stub-transport.js'

const asks = (id: number) =>
  resultOf(id, { resultType: 'input_required', inputRequests: { n: { method: 'elicitation/create', params: {} } } })
const leg = (id: number, requestState?: string, meta: object = {}) =>
  call(id, 'book', {
    _meta: { ...MODERN, ...meta },
    ...(requestState !== undefined && { requestState, inputResponses: { n: { action: 'accept' } } }),
  })

interface Options {
  readonly clock?: FakeClock
  readonly store?: BudgetEnforcer | HoldingEnforcer
  readonly prices?: object
  readonly budget?: Partial<BudgetOptions>
  readonly seat?: SeatOptions
}

/** A server seat on a stub; the test is both the client and the server. */
function serve(memory: BudgetEnforcer | HoldingEnforcer, options: Options = {}) {
  const { clock = new FakeClock(), prices = { defaultCost: 5 } } = options
  const wire = new StubTransport()
  const transport = wrapTransport(
    wire,
    { clock, ...options.seat },
    withCostProfile({ ...prices, clock }),
    withBudget({ enforcer: memory, budget: 'a', clock, ...options.budget }),
  )
  const ran: any[] = []
  transport.onmessage = (message: any) => void ran.push(message)
  const answer = async (message: object) => {
    await transport.send(message)
    await settle()
    return wire.messages.at(-1)
  }
  const ask = async (message: object, extra?: object) => {
    wire.receive(message, extra)
    await settle()
  }
  return { clock, wire, ran, ask, answer }
}

function memoryOf(clock: FakeClock, ...budgets: string[]) {
  const memory = new InMemoryBudgetEnforcer({ clock })
  for (const budget of budgets) memory.initialize(budget, 100)
  return memory
}

// Why: T31 and facts say the seal holds the principal. Whoever sees a state (a log, a shared transcript) runs on
// another's money, without a budget of one's own, and past that budget's approval.
test('a round is not continued by another principal on the money of the first [T31]', async () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock, 'alice')
  const server = serve(memory, { clock, budget: { budget: (each) => each.auth?.clientId ?? 'nobody' } })
  const as = (clientId: string) => ({ authInfo: { token: 't', clientId, scopes: [] } })
  await server.ask(leg(1), as('alice'))
  const state = (await server.answer(asks(1))).result.requestState
  await server.ask(leg(2, state), as('mallory'))
  // Mallory has no budget at all.
  expect(server.ran.length).toBe(1)
})

// Why: a store of four verbs forgets which round waits, so an old state is free as often as the server asks again.
test('four verbs: the state of a round that was used is not used again [T31]', async () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock, 'a')
  const four: BudgetEnforcer = {
    check: (budget, cost) => memory.check(budget, cost),
    spend: (request) => memory.spend(request),
    remaining: (budget) => memory.remaining(budget),
    initialize: (budget, credits) => memory.initialize(budget, credits),
  }
  const server = serve(four, { clock })
  await server.ask(leg(1))
  const first = (await server.answer(asks(1))).result.requestState
  for (let id = 2; id < 32; id++) {
    await server.ask(leg(id, first))
    await server.answer(asks(id))
  }
  // The first use goes on; each later use of the same state is a new call, and pays, as long as there is anything.
  expect(server.ran.length).toBe(21)
  expect(memory.remaining('a')).toBe(0)
})

// Why: while the store is away nobody consumes the round, and all the runs share one capture id: one charge for all.
test('failMode open: a round that is brought many times in an outage is not charged once for all runs [T31]', async () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock, 'a')
  let down = false
  const flaky = new Proxy(memory, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        if (down) throw new Error('down')
        return Reflect.apply(member, target, args)
      }
    },
  })
  const server = serve(flaky, { clock, budget: { failMode: { open: { limit: 50 } } } })
  await server.ask(leg(1))
  const state = (await server.answer(asks(1))).result.requestState
  down = true
  for (let id = 2; id < 10; id++) {
    await server.ask(leg(id, state))
    await server.answer(resultOf(id))
  }
  expect(server.ran.length).toBe(9)
  down = false
  await clock.advanceAsync(600_000)
  // Eight complete runs of a price of 5, and the first round of one that nobody could go on with.
  expect(memory.describe('a')).toMatchObject({ held: 0, spent: 45 })
})

// Why: one process, two servers without a `server` name: the state of the cheap one pays for the dear one.
test('a round of one server is not continued at another of the same process for the price of the first', async () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock, 'a')
  const cheap = serve(memory, { clock, prices: { costs: { book: 1 } } })
  const dear = serve(memory, { clock, prices: { costs: { book: 80 } } })
  await cheap.ask(leg(1))
  const state = (await cheap.answer(asks(1))).result.requestState
  await dear.ask(leg(1, state))
  await dear.answer(resultOf(1))
  expect(dear.ran.length).toBe(1)
  expect(memory.describe('a').spent).toBeGreaterThanOrEqual(80)
})

// Why: a price may look at `_meta` (a tier, a model); the seal covers name and arguments only.
test('a call is not charged less because its last round says something else in its _meta', async () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock, 'a')
  const price = (_: unknown, { meta }: { meta?: { tier?: string } }) => (meta?.tier === 'best' ? 50 : 1)
  const server = serve(memory, { clock, prices: { costs: { book: price } } })
  await server.ask(leg(1, undefined, { tier: 'best' }))
  const state = (await server.answer(asks(1))).result.requestState
  await server.ask(leg(2, state, { tier: 'cheap' }))
  await server.answer(resultOf(2))
  await clock.advanceAsync(600_000)
  // What costs otherwise is a call of its own.
  expect(memory.describe('a')).toMatchObject({ held: 0, spent: 51 })
})

test('a call does not get a dearer last round for the hold of a cheap first one', async () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock, 'a')
  const price = (_: unknown, { meta }: { meta?: { tier?: string } }) => (meta?.tier === 'best' ? 50 : 1)
  const server = serve(memory, { clock, prices: { costs: { book: price } } })
  await server.ask(leg(1, undefined, { tier: 'cheap' }))
  const state = (await server.answer(asks(1))).result.requestState
  await server.ask(leg(2, state, { tier: 'best' }))
  await server.answer(resultOf(2))
  expect(memory.describe('a').spent).toBe(50)
})

// Why: approval was given for what the approver saw.
test('a round does not pass the approval that its price needs', async () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock, 'a')
  const asked: number[] = []
  const price = (_: unknown, { meta }: { meta?: { tier?: string } }) => (meta?.tier === 'best' ? 50 : 1)
  const approve = (_: unknown, { cost }: { cost: number }) => (asked.push(cost), false)
  const server = serve(memory, { clock, prices: { costs: { book: price } }, budget: { approve, approveAbove: 10 } })
  await server.ask(leg(1, undefined, { tier: 'cheap' }))
  const state = (await server.answer(asks(1))).result.requestState
  await server.ask(leg(2, state, { tier: 'best' }))
  expect({ ran: server.ran.length, asked }).toEqual({ ran: 1, asked: [50] })
})

// Why: one hiccup of the store while a call asks for input, and its hold ends long before its state does: paid twice.
test('a hold that could not be extended for the wait is extended when the store is back', async () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock, 'a')
  let down = false
  const flaky = new Proxy(memory, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        if (down) throw new Error('down')
        return Reflect.apply(member, target, args)
      }
    },
  })
  const server = serve(flaky, { clock })
  await server.ask(leg(1))
  down = true
  const state = (await server.answer(asks(1))).result.requestState
  down = false
  await clock.advanceAsync(300_000)
  await server.ask(leg(2, state))
  await server.answer(resultOf(2))
  expect(memory.describe('a')).toMatchObject({ spent: 5, held: 0 })
})
