/** Tokens, balances and credits that go where they should not, at seats. */
import {
  BudgetEvents,
  InMemoryBudgetEnforcer,
  meter,
  wrapServer,
  wrapTransport,
  withBudget,
  withCostProfile,
  withDelegation,
  type DelegatingEnforcer,
} from 'mcp-budget'
import { faultyEnforcer, settle } from 'mcp-budget/testing'
import { McpServer } from '@modelcontextprotocol/server'
import { describe, expect, test } from 'vitest'
import { call } from '../../support/seat.js'
import { StubTransport } from '../../support/stub-transport.js'
import { ALL, full, KEY, TOKEN, tokenSeat } from '../../support/attacked-seat.js'

/** A store whose answers to the nth requests of a verb are lost. */
const faults =
  (verb: string, ...nth: number[]) =>
  (memory: InMemoryBudgetEnforcer, clock: any) =>
    faultyEnforcer(
      memory,
      (asked: string, n: number) => (asked === verb && nth.includes(n) ? 'lose' : undefined),
      clock,
    ) as DelegatingEnforcer

describe('with `hideBalance`', () => {
  const hidden = { budget: { hideBalance: true }, delegation: { hideBalance: true } }

  test('a delegation says nothing of what is left', async () => {
    const seat = tokenSeat(hidden)
    const { result } = await seat.ask('budget/delegate', { budget: 30 }, full())
    expect(result.parentRemaining).toBe(undefined)
  })

  test('a delegation that is refused says nothing of what is left', async () => {
    const seat = tokenSeat(hidden)
    const { error } = await seat.ask('budget/delegate', { budget: 101 }, full())
    expect(error.data.remaining_credits).toBe(undefined)
  })

  // Why: what is owed of a call is its cost less what there was.
  test('a soft budget that is overdrawn says nothing of what was left', async () => {
    const seat = tokenSeat({ budget: { hideBalance: true, mode: 'soft' }, prices: { defaultCost: 150 } })
    await seat.call(full())
    expect(JSON.stringify(await seat.answer())).not.toContain('50 credits')
  })
})

describe('a token in a header', () => {
  const token = full()
  const shown = async (extra: object) => {
    const seat = tokenSeat({ delegation: { auth: 'header' } })
    await seat.call(token, 'search', {}, extra)
    return JSON.stringify(seat.ran, (_, value: unknown) =>
      value instanceof Request ? { headers: [...value.headers] } : value,
    )
  }

  // Why: what does not begin with `Bearer` and spaces is left alone, and a list is read by its first member.
  test.each([
    ['without a scheme', `${token}`],
    ['after a tab', `Bearer\t${token}`],
    ['of another scheme', `Token ${token}`],
    ['as the second of two', `Bearer abc, Bearer ${token}`],
  ])('Authorization, %s, is shown to no handler', async (_, authorization) => {
    expect(await shown({ requestInfo: { headers: { authorization } } })).not.toContain(token)
  })

  // Why: headers of an object are looked up in lower case only, as the SDKs write them.
  test.each(['Authorization', 'MCP-Budget-Token'])(
    '%s, in the letters that it was sent in, is shown to none',
    async (name) => {
      const value = name === 'Authorization' ? `Bearer ${token}` : token
      expect(await shown({ requestInfo: { headers: { [name]: value } } })).not.toContain(token)
    },
  )

  test('as a list of values is shown to no handler', async () => {
    expect(await shown({ requestInfo: { headers: { authorization: [`Bearer ${token}`] } } })).not.toContain(token)
  })

  // Why: answers of a client come by POST with the same headers, and go another way through the seat.
  test('beside an answer of the client is handed on to nobody', async () => {
    const seat = tokenSeat()
    await (seat.transport as any).send({ jsonrpc: '2.0', id: 7, method: 'elicitation/create', params: {} })
    seat.wire.receive(
      { jsonrpc: '2.0', id: 7, result: { action: 'accept' } },
      { requestInfo: { headers: { 'mcp-budget-token': token } } },
    )
    await settle()
    expect(seat.ran).toHaveLength(1)
    expect(JSON.stringify(seat.ran)).not.toContain(token)
  })
})

// Why: the seat of a client reads `_meta` as the caller wrote it, so whoever approves, prices or logs sees the token.
test('a token that the caller put into `_meta` itself is shown to no step of a client', async () => {
  const seen: unknown[] = []
  const memory = new InMemoryBudgetEnforcer()
  memory.initialize('a', 100)
  const wire = new StubTransport()
  const approve = (asked: unknown) => seen.push(asked) > 0
  const transport = wrapTransport(
    wire,
    withDelegation({ token: full() }),
    withCostProfile({ defaultCost: 5 }),
    withBudget({ enforcer: memory, budget: 'a', approve }),
  )
  transport.onmessage = () => {}
  await (transport as any).send(call(1, 'search', { _meta: { [TOKEN]: full() } }))
  expect(wire.messages[0].params._meta[TOKEN]).toBe(full())
  expect(JSON.stringify(seen)).not.toContain(full())
})

// Why: `withDelegation({ token })` is the client's; who forgets `auth: 'config'` has a server that asks nobody for anything.
test('the step of a client does not stand at a server, where it would let everybody in [T49]', () => {
  const enforcer = new InMemoryBudgetEnforcer()
  enforcer.initialize('a', 100)
  expect(() =>
    wrapServer(
      new McpServer({ name: 'a', version: '1' }),
      withDelegation({ token: 'a-secret-of-22-characters-or-more' }),
      withCostProfile({ defaultCost: 5 }),
      withBudget({ enforcer, budget: 'a' }),
    ),
  ).toThrow(/auth/)
})

// Why: only what verifies tokens is given the events of the meter.
test('a meter tells of a wrong secret as of a wrong token', async () => {
  const events = new BudgetEvents()
  const told: unknown[] = []
  events.on('refused', ({ refusal }) => void told.push(refusal.error))
  const enforcer = new InMemoryBudgetEnforcer()
  enforcer.initialize('a', 100)
  const metered = meter({
    enforcer,
    events,
    prices: { defaultCost: 5 },
    delegation: { auth: 'config', token: 'a-secret-of-22-characters-or-more', budget: 'a' },
  })
  const outcome = await metered.run({ tool: 'search', token: 'another-secret-of-22-characters' }, () => ({
    content: [],
  }))
  expect(outcome.kind).toBe('refused')
  expect(told).toEqual(['unauthorized'])
})

describe('of the methods', () => {
  // Why: `enter` tells of what it refuses, `admit` and the methods do not.
  test.each([
    ['an agent that may not delegate', 'ops=call', 'budget/delegate', { budget: 5 }],
    ['more than there is', ALL, 'budget/delegate', { budget: 500 }],
    ['a budget of somebody else', ALL, 'budget/close', { budget: 'agent-2' }],
  ])('a refusal is told of as `refused`: %s [T34]', async (_, ops, method, params) => {
    const seat = tokenSeat()
    const { error } = await seat.ask(method, params, full(ops))
    expect(error).toBeDefined()
    expect(seat.told.map(([name]) => name)).toEqual(['refused'])
  })

  // Why: of the name of the child only its answer knew, and the answer is lost; nobody can close it, and it has no end.
  test('credits of a delegation without a key come back when its answer was lost [T10]', async () => {
    const seat = tokenSeat({ store: faults('transfer', 1, 2) })
    const { error } = await seat.ask('budget/delegate', { budget: 30 }, full())
    expect(error.data.error).toBe('budget_unavailable')
    await seat.clock.advanceAsync(3_600_000)
    expect(seat.available()).toBe(100)
  })

  // Why: whatever is not `refused` counts as moved.
  test('a store that answers nonsense has moved nothing', async () => {
    const seat = tokenSeat({
      store: (memory) =>
        new Proxy(memory, {
          get: (target, key) => {
            if (key === 'transfer') return () => ({})
            const value: unknown = Reflect.get(target, key, target)
            return typeof value === 'function' ? value.bind(target) : value
          },
        }),
    })
    const { error } = await seat.ask('budget/delegate', { budget: 30 }, full(), { [KEY]: 'k' })
    expect(error?.data.error).toBe('budget_unavailable')
    expect(seat.told.map(([name]) => name)).not.toContain('delegated')
  })

  test('a store that answers nothing was not reached', async () => {
    const seat = tokenSeat({
      store: (memory, clock) =>
        faultyEnforcer(memory, { transfer: { 1: { nonsense: undefined } } }, clock) as DelegatingEnforcer,
    })
    const { error } = await seat.ask('budget/delegate', { budget: 30 }, full(), { [KEY]: 'k' })
    expect(error?.data.error).toBe('budget_unavailable')
  })

  // Why: ids of what is no call are noted and never compared; two children, and one answer that a client can match.
  test('an id that is in flight stands for one request [T12]', async () => {
    const seat = tokenSeat({ delegation: { approve: () => new Promise<boolean>(() => {}) } })
    const request = {
      jsonrpc: '2.0',
      id: 'x',
      method: 'budget/delegate',
      params: { budget: 5, _meta: { [TOKEN]: full() } },
    }
    seat.wire.receive(request)
    await settle()
    seat.wire.receive(request)
    await settle()
    expect(seat.wire.messages.map(({ error }) => error?.data.reason)).toEqual(['duplicate_id'])
  })

  // Why: nothing counts them: a store or a person that does not answer, and any number of requests of one client.
  test('no more of them wait at once than calls [T39]', async () => {
    let waiting = 0
    const approve = () => new Promise<boolean>(() => void waiting++)
    const seat = tokenSeat({ delegation: { approve } })
    for (let id = 0; id < 10_500; id++)
      seat.wire.receive({
        jsonrpc: '2.0',
        id,
        method: 'budget/delegate',
        params: { budget: 5, _meta: { [TOKEN]: full() } },
      })
    await settle()
    expect(waiting).toBeLessThanOrEqual(10_000)
  })

  // Why: a repeated request is told of anew, and whoever adds up counts it twice.
  test('a delegation that is asked for again is told of once', async () => {
    const seat = tokenSeat()
    for (let i = 0; i < 2; i++) await seat.ask('budget/delegate', { budget: 30 }, full(), { [KEY]: 'k' })
    expect(seat.available()).toBe(70)
    expect(seat.told.filter(([name]) => name === 'delegated')).toHaveLength(1)
  })

  // Why: an agent writes it, and a log shows it.
  test('a label is one line of text', async () => {
    const seat = tokenSeat()
    await seat.ask('budget/delegate', { budget: 30, label: 'a\n2026-11-27 ERROR paid by root\u202e' }, full())
    expect(JSON.stringify(seat.told)).not.toContain('ERROR')
  })
})
