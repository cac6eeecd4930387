import fc from 'fast-check'
import { refuse, type CallMiddleware, type SeatOptions } from 'mcp-budget'
import { settle } from 'mcp-budget/testing'
import { describe, expect, test, vi } from 'vitest'
import { call, errorOf, MODERN, resultOf, seatOn, type SeatSetUp } from '../../support/seat.js'
import { ROUND_LIMITS } from '../../../src/mcp/rounds.js'
import type { StubTransport } from '../../support/stub-transport.js'

/** A seat on a server's transport: what the server is handed, and what is sent to the client. */
function serverOn(options: SeatSetUp<StubTransport> = {}) {
  const seat = seatOn(options)
  const { transport, wire } = seat
  return {
    ...seat,
    /** A message from the client. */
    ask: (message: unknown, extra?: unknown) => wire.receive(message, extra),
    /** An answer of the server. */
    answer: (message: object) => transport.send(message),
    /** What the client was sent. */
    told: () => wire.messages,
  }
}

const CHARGED = { available: 95, held: 0, spent: 5, debt: 0 }
const UNTOUCHED = { available: 100, held: 0, spent: 0, debt: 0 }

describe.each(['at once', 'later'] as const)('a call that comes in, with a store that answers %s,', (store) => {
  test('is held, handed on as it came, and charged when the server answers', async () => {
    const { ask, answer, told, received, balance, records } = serverOn({ store })
    const request = call(1)
    ask(request)
    await settle()
    expect(received).toEqual([request])
    expect(balance()).toMatchObject({ held: 5 })
    const result = resultOf(1)
    await answer(result)
    await settle()
    expect(told()).toEqual([result])
    expect(balance()).toEqual(CHARGED)
    expect(records()).toMatchObject([{ tool: 'search', outcome: 'result', proves: 'ran' }])
  })

  test('that cannot be paid is answered, and never handed on', async () => {
    const { ask, told, received, balance } = serverOn({ store, credits: 4 })
    ask(call(1))
    await settle()
    expect(received).toEqual([])
    expect(told()).toMatchObject([{ id: 1, error: { code: -32000, data: { error: 'budget_exhausted' } } }])
    expect(balance()).toMatchObject({ available: 4, held: 0 })
  })

  test('is charged once for each time that its id is used [T12]', async () => {
    const { ask, answer, balance } = serverOn({ store })
    for (let i = 0; i < 3; i++) {
      ask(call(1))
      await settle()
      await answer(resultOf(1))
      await settle()
    }
    expect(balance()).toMatchObject({ spent: 15 })
  })

  test('with an id that is pending is refused without a charge, and the first goes on [T12]', async () => {
    const { ask, answer, told, received, balance } = serverOn({ store })
    ask(call(9))
    ask(call(9, 'other'))
    ask(call('9'))
    await settle()
    expect(told()).toMatchObject([{ id: 9, error: { code: -32600, data: { reason: 'duplicate_id' } } }])
    expect(received.map(({ id }) => id)).toEqual([9, '9'])
    await answer(resultOf(9))
    await answer(resultOf('9'))
    await settle()
    expect(balance()).toMatchObject({ spent: 10, held: 0 })
  })

  test('and is cancelled pays, and its late answer changes nothing', async () => {
    const { ask, answer, balance } = serverOn({ store })
    ask(call(1))
    await settle()
    ask({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
    await settle()
    expect(balance()).toEqual(CHARGED)
    await answer(resultOf(1))
    await settle()
    expect(balance()).toEqual(CHARGED)
  })

  test('whose connection closes is left to its deadline', async () => {
    const { ask, transport, balance, clock } = serverOn({ store })
    ask(call(1))
    await settle()
    await transport.close()
    expect(balance()).toMatchObject({ held: 5 })
    await clock.advanceAsync(120_000)
    expect(balance()).toEqual(CHARGED)
  })

  test('whose answer cannot be sent is charged, for it ran', async () => {
    const { ask, answer, wire, balance } = serverOn({ store })
    ask(call(1))
    await settle()
    wire.onsend = () => Promise.reject(new Error('No connection established'))
    await expect(answer(resultOf(1))).rejects.toThrow('No connection')
    await settle()
    expect(balance()).toEqual(CHARGED)
  })
})

describe('a call that comes in', () => {
  test.each([-32700, -32600, -32601, -32602, -32020])('and is answered %i costs nothing', async (code) => {
    const { ask, answer, balance } = serverOn()
    ask(call(1))
    await answer(errorOf(1, code))
    expect(balance()).toEqual(UNTOUCHED)
  })

  test.each([-32603, -32000, 1])('and is answered %i was tried, and is charged [L-S19]', async (code) => {
    const { ask, answer, balance } = serverOn()
    ask(call(1))
    await answer(errorOf(1, code))
    expect(balance()).toEqual(CHARGED)
  })

  test('in a batch is priced for itself, and what is refused leaves the others [T15]', async () => {
    const { ask, answer, told, received, balance } = serverOn({ credits: 10 })
    ask([call(1), call(2), call(3), { jsonrpc: '2.0', id: 4, method: 'ping' }])
    await settle()
    expect(received.map(({ id }) => id)).toEqual([1, 2, 4])
    expect(told()).toMatchObject([{ id: 3, error: { data: { error: 'budget_exhausted' } } }])
    await answer(resultOf(1))
    await answer(resultOf(2))
    expect(balance()).toMatchObject({ spent: 10, held: 0 })
  })

  test.each([undefined, null, 1.5, {}, true])('with the id %j never reaches the server [T14]', async (id) => {
    const { ask, transport, received, balance } = serverOn()
    const onerror = vi.fn()
    transport.onerror = onerror
    ask({ ...call(1), id })
    await settle()
    expect(received).toEqual([])
    expect(onerror).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'invalid_request' }))
    expect(balance()).toEqual(UNTOUCHED)
  })

  test('for an answer inside of another one is refused', async () => {
    const { ask, told, received } = serverOn()
    ask(call(1, 'search', { _meta: { 'io.modelcontextprotocol/related-task': { taskId: 't' } } }))
    await settle()
    expect(received).toEqual([])
    expect(told()).toMatchObject([{ error: { code: -32602, data: { reason: 'related_task' } } }])
  })

  test('reaches the server with the arguments that were approved, not with those that changed meanwhile [T25]', async () => {
    const { ask, received } = serverOn({ store: 'later' })
    const request = structuredClone(call(1))
    ask(request)
    request.params.arguments.q = 'changed'
    await settle()
    expect(received).toMatchObject([{ params: { arguments: { q: 'x' } } }])
  })

  test('carries who asks, without the credential, from what either SDK says beside it', async () => {
    const seen: unknown[] = []
    const look: CallMiddleware = {
      name: 'look',
      enter(each) {
        seen.push(each.auth)
        return each
      },
    }
    const { ask } = serverOn({ inner: [look] })
    const authInfo = { token: 'mcpb_secret-secret-secret', clientId: 'c1', scopes: ['a'], extra: { user: 'u' } }
    ask(call(1), { authInfo })
    ask(call(2))
    ask(call(3), { requestInfo: { headers: { authorization: 'Bearer mcpb_secret-secret-secret' } } })
    ask(call(4), { request: { headers: new Headers({ authorization: 'Bearer mcpb_secret-secret-secret' }) } })
    ask(call(5), { request: { headers: new Headers({ authorization: 'Bearer of-somebody-else' }) } })
    expect(seen).toMatchObject([
      { clientId: 'c1', scopes: ['a'], extra: { user: 'u' } },
      undefined,
      { clientId: undefined, scopes: [] },
      { clientId: undefined, scopes: [] },
      undefined,
    ])
    expect(JSON.stringify(seen)).not.toContain('secret')
  })

  test('is handed on with the `_meta` that a step left of it', async () => {
    const strip: CallMiddleware = { name: 'strip', enter: (each) => ({ ...each, meta: { kept: 1 } }) }
    const { ask, received } = serverOn({ inner: [strip] })
    ask(call(1, 'search', { _meta: { token: 'x', kept: 1 } }))
    expect(received).toEqual([call(1, 'search', { _meta: { kept: 1 } })])
  })
})

describe('an id whose request was cancelled', () => {
  const cancel = (requestId: number) => ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } })

  test.each([
    ['a cheap call', call(5, 'cheap')],
    ['another request', { jsonrpc: '2.0', id: 5, method: 'no/such' }],
  ])('of %s is taken by no call until it was answered, so that no late error pays for one [T12]', async (_, first) => {
    const { ask, answer, received, balance, told } = serverOn({ prices: { costs: { cheap: 1, dear: 50 } } })
    ask(first)
    ask(cancel(5))
    ask(call(5, 'dear'))
    await settle()
    expect(received.some((each) => each.params?.name === 'dear')).toBe(false)
    expect(told()).toMatchObject([{ id: 5, error: { data: { reason: 'duplicate_id' } } }])
    await answer(errorOf(5, -32602))
    ask(call(5, 'dear'))
    await answer(resultOf(5))
    expect(balance()).toMatchObject({ held: 0, spent: first.method === 'tools/call' ? 51 : 50 })
  })
})

describe('records of calls that overlap', () => {
  test('are each written once, of their own call, and never change afterwards [L-S13]', async () => {
    const { ask, answer, records } = serverOn({ credits: 10_000, store: 'later' })
    const ids = Array.from({ length: 50 }, (_, i) => i)
    for (const id of ids) ask(call(id, `tool-${id}`))
    await settle()
    const seen: string[] = []
    // Answered in another order than they came, while earlier captures are still under way.
    for (const id of ids.map((each) => (each * 37) % 50)) {
      void answer(id % 3 === 0 ? errorOf(id, -32601) : resultOf(id, id % 3 === 1 ? { isError: true } : {}))
      if (id % 7 === 0) await settle()
      for (const record of records().slice(seen.length)) seen.push(JSON.stringify(record))
    }
    await settle()
    expect(records().map((record) => JSON.stringify(record))).toEqual(seen)
    expect(new Set(records().map(({ chargeId }) => chargeId)).size).toBe(50)
    const wanted = ids.map((id) => [`tool-${id}`, ['not-run', 'failed', 'ran'][id % 3], id % 3 === 0 ? 0 : 5])
    const got = records().map(({ tool, proves, charge }) => [tool, proves, charge.charged])
    expect(got.sort()).toEqual(wanted.sort())
  })
})

describe('other messages at a server', () => {
  test('pass in the same tick, as the objects that came, both ways [L-S29]', async () => {
    const { ask, answer, told, received, balance } = serverOn({ store: 'later' })
    const requests = ['ping', 'resources/read', 'prompts/get', 'tasks/get', 'x/own'].map((method, id) => ({
      jsonrpc: '2.0',
      id,
      method,
    }))
    for (const request of requests) {
      ask(request)
      expect(received.at(-1)).toBe(request)
      const result = resultOf(request.id)
      void answer(result)
      expect(told().at(-1)).toBe(result)
    }
    await settle()
    expect(balance()).toEqual(UNTOUCHED)
  })

  test('are shown to steps that listen', () => {
    const observe = vi.fn()
    const { ask } = serverOn({ inner: [{ name: 'listens', observe }] })
    ask({ jsonrpc: '2.0', id: 1, method: 'tasks/get' })
    expect(observe).toHaveBeenCalledWith(expect.objectContaining({ direction: 'in' }))
  })

  test('that answer a request of the server are no answers to calls, whatever their id', async () => {
    const { ask, answer, balance } = serverOn()
    ask(call(1))
    void answer({ jsonrpc: '2.0', id: 1, method: 'roots/list' })
    ask(resultOf(1, { roots: [] }))
    expect(balance()).toMatchObject({ held: 5 })
    await answer(resultOf(1))
    expect(balance()).toEqual(CHARGED)
  })
})

describe('governed methods', () => {
  const seat: SeatOptions = { governed: ['resources/read', 'prompts/get', 'sampling/createMessage'], refusal: 'result' }
  const prices = { costs: { 'resources/read': 3, 'prompts/get': (args: any) => (args?.name === 'long' ? 50 : 1) } }
  const read = (id: number) => ({ jsonrpc: '2.0', id, method: 'resources/read', params: { uri: 'a:b' } })

  test('are calls with a price by their name and parameters [L-P25]', async () => {
    const { ask, answer, balance, received } = serverOn({ seat, prices })
    ask(read(1))
    expect(received).toEqual([read(1)])
    expect(balance()).toMatchObject({ held: 3 })
    await answer(resultOf(1, { contents: [] }))
    expect(balance()).toMatchObject({ spent: 3 })
    ask({ jsonrpc: '2.0', id: 2, method: 'prompts/get', params: { name: 'long', _meta: { x: 1 } } })
    await settle()
    expect(balance()).toMatchObject({ held: 50 })
  })

  test('that cannot be paid are refused with an error, for they have no error results', async () => {
    const { ask, told } = serverOn({ seat, prices, credits: 2 })
    ask(read(1))
    await settle()
    expect(told()).toMatchObject([{ id: 1, error: { data: { error: 'budget_exhausted', tool: 'resources/read' } } }])
  })

  test('may be what a server asks of its client', async () => {
    const { transport, wire, balance } = seatOn({ seat, prices: { defaultCost: 5 } })
    await transport.send({ jsonrpc: '2.0', id: 0, method: 'initialize' })
    wire.receive({ jsonrpc: '2.0', id: 1, method: 'sampling/createMessage', params: {} })
    expect(balance()).toMatchObject({ held: 5 })
    await transport.send(resultOf(1))
    expect(balance()).toEqual(CHARGED)
  })

  test.each([['tools/list'], ['ping'], ['tools/call'], ['x/own']])('cannot be %s', (method) => {
    expect(() => seatOn({ seat: { governed: [method as never] } })).toThrow(/Expected `governed`/)
  })
})

describe("this library's own methods", () => {
  const balanceOf = (id: number, params?: object) => ({ jsonrpc: '2.0', id, method: 'budget/balance', params })

  test('are answered here, and never reach the server', async () => {
    const { ask, told, received } = serverOn()
    ask(balanceOf(1, { _meta: { progressToken: 1 } }))
    ask(balanceOf(2, { _meta: MODERN }))
    ask({ ...balanceOf(3), method: 'satgate/budget' })
    await settle()
    expect(received).toEqual([])
    const budgets = [{ budget_id: 'default/a', remaining: 100, held: 0, spent: 0, debt: 0 }]
    expect(told()).toEqual([
      resultOf(1, { mode: 'hard', budgets }),
      resultOf(2, { resultType: 'complete', mode: 'hard', budgets }),
      resultOf(3, { budgetId: 'default/a', remaining: 100 }),
    ])
  })

  test('go on where no step has them, and where they are no requests', async () => {
    const { ask, received } = serverOn({ budget: { mode: 'shadow' } })
    const { id: _, ...notification } = balanceOf(1)
    for (const message of [balanceOf(1), notification]) ask(message)
    expect(received).toEqual([balanceOf(1), notification])
  })

  test('of a budget that does not exist say what a stranger is told [T35]', async () => {
    const { ask, told } = serverOn({ budget: { budget: 'nobody' } })
    ask(balanceOf(1))
    await settle()
    expect(told()).toMatchObject([{ error: { code: -32001, data: { error: 'unauthorized' } } }])
    expect(JSON.stringify(told())).not.toContain('remaining')
  })

  test('of a budget that was closed say the same', async () => {
    const { ask, told, memory } = serverOn()
    memory.close({ id: 'c', budget: 'a', why: 'closed' })
    ask(balanceOf(1))
    await settle()
    expect(told()).toMatchObject([{ error: { data: { error: 'unauthorized' } } }])
  })

  test('over a store that is down say that it is', async () => {
    const down = (memory: any) => new Proxy(memory, { get: (target, key) => (key === 'describe' ? boom : target[key]) })
    const boom = () => Promise.reject(new Error('down'))
    const { ask, told, clock } = serverOn({ store: down })
    ask(balanceOf(1))
    await clock.advanceAsync(1_000)
    expect(told()).toMatchObject([{ error: { code: -32603, data: { error: 'budget_unavailable' } } }])
  })

  test('whose step throws fail under its name, and end nothing', async () => {
    const step: CallMiddleware = {
      name: 'own',
      methods: {
        'own/throw': () => {
          throw new Error('secret')
        },
        'own/reject': () => Promise.reject(new Error('secret')),
        'own/refuse': (each) => refuse(each.tool, { error: 'forbidden_tool', reason: 'forbidden_tool' }),
        'own/echo': (each) => ({ ...each.args }),
      },
    }
    const { ask, told } = serverOn({ inner: [step] })
    for (const name of ['throw', 'reject', 'refuse', 'echo'])
      ask({ jsonrpc: '2.0', id: name, method: `own/${name}`, params: { a: 1 } })
    await settle()
    const byId = Object.fromEntries(told().map((each) => [each.id, each.error?.data.error ?? each.result]))
    expect(byId).toEqual({ throw: 'step_failed', reject: 'step_failed', refuse: 'forbidden_tool', echo: { a: 1 } })
    expect(JSON.stringify(told())).not.toContain('secret')
  })
})

describe('a list of tools that a server answers', () => {
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  const prices = {
    costs: { search: 5, draw: (args: any) => args.n, speak: { max: 9, metered: { pointer: '/n' } } },
    unpriced: 'deny',
  } as const

  test('shows what is known of prices, beside what the server says of a tool', async () => {
    const { ask, answer, told } = serverOn({ prices })
    ask(list)
    const tools = [{ name: 'search', _meta: { own: 1 } }, { name: 'draw' }, { name: 'speak' }, { name: 'free' }, 7]
    const result = Object.freeze({ tools: Object.freeze(tools), nextCursor: 'n' })
    await answer(resultOf(1, result))
    expect(told()).toEqual([
      resultOf(1, {
        tools: [
          { name: 'search', _meta: { own: 1, 'dev.mcp-budget/cost': { credits: 5, unit: 'credits' } } },
          { name: 'draw' },
          { name: 'speak', _meta: { 'dev.mcp-budget/cost': { max: 9, unit: 'credits' } } },
          { name: 'free' },
          7,
        ],
        nextCursor: 'n',
      }),
    ])
  })

  test.each([errorOf(1, -32601), resultOf(1, {}), resultOf(1, { tools: 'none' }), resultOf(2, { tools: [] })])(
    'and is none goes on as it came: %j',
    async (answered) => {
      const { ask, answer, told } = serverOn({ prices })
      ask(list)
      await answer(answered)
      expect(told()).toEqual([answered])
    },
  )

  test('shows a client what the server said, for a client changes nothing that it need not', async () => {
    const { transport, wire, received } = seatOn({ prices })
    await transport.send(list)
    const answered = resultOf(1, { tools: [{ name: 'search' }] })
    wire.receive(answered)
    expect(received[0]).toBe(answered)
  })

  test('is bounded in what it remembers of requests that nobody answers [I20]', async () => {
    const { ask, answer, told } = serverOn({ prices })
    for (let id = 1; id <= 10_001; id++) ask({ ...list, id })
    await answer(resultOf(1, { tools: [{ name: 'search' }] }))
    await answer(resultOf(2, { tools: [{ name: 'search' }] }))
    expect(told().map(({ result }) => result.tools[0]._meta !== undefined)).toEqual([false, true])
  })
})

describe('rounds at a server', () => {
  const KEYS = [new Uint8Array(32).fill(7)]
  const asks = (id: number, requestState?: string) =>
    resultOf(id, { resultType: 'input_required', ...(requestState !== undefined && { requestState }) })
  const leg = (id: number, requestState?: unknown, name = 'book') =>
    call(id, name, { _meta: MODERN, ...(requestState !== undefined && { requestState, inputResponses: {} }) })

  /** The first round of a call, and the state that the client was handed. */
  async function begun(options: SeatSetUp<StubTransport> = {}, original: string | null = 'of the server') {
    const seat = serverOn({ seat: { sealKeys: KEYS }, ...options })
    seat.ask(leg(1))
    await settle()
    await seat.answer(asks(1, original ?? undefined))
    await settle()
    return { ...seat, state: seat.told().at(-1).result.requestState as string }
  }

  /** Another process on the same store. */
  function elsewhere(seat: { memory: unknown; clock: unknown }, sealKeys: SeatOptions['sealKeys']) {
    return serverOn({ store: () => seat.memory as never, seat: { sealKeys, clock: seat.clock as never } as never })
  }

  test.each(['of the server', '', '=.=', null])(
    'are one call, which is paid once, and the server sees its own state (%j) [T31, L-S22]',
    async (original) => {
      const { ask, answer, received, balance, state } = await begun({}, original)
      expect(state).toMatch(/^mcpb-s1\./)
      ask(leg(2, state))
      expect(received.at(-1).params.requestState).toBe(original ?? undefined)
      await answer(resultOf(2))
      expect(balance()).toEqual(CHARGED)
    },
  )

  test.each(['at once', 'later'] as const)(
    'brought twice at the same time are two calls, and one pays for itself (store %s) [T31]',
    async (store) => {
      const { ask, answer, received, balance, records, state } = await begun({ store })
      ask(leg(2, state))
      ask(leg(3, state))
      await settle()
      expect(
        received
          .slice(1)
          .map(({ id, params }) => [id, params.requestState])
          .sort(),
      ).toEqual([
        [2, 'of the server'],
        [3, 'of the server'],
      ])
      expect(balance()).toMatchObject({ held: 10 })
      await answer(resultOf(2))
      await answer(resultOf(3))
      await settle()
      expect(balance()).toMatchObject({ spent: 10, held: 0 })
      expect(records().map(({ outcome }) => outcome)).toEqual(['input-required', 'result', 'result'])
    },
  )

  test('go on in another process with the same keys, and not in one without [T31]', async () => {
    const first = await begun()
    const stranger = elsewhere(first, [new Uint8Array(32).fill(8)])
    stranger.ask(leg(1, first.state))
    await settle()
    expect(stranger.received).toEqual([])
    expect(stranger.told()).toMatchObject([{ error: { code: -32602, data: { error: 'invalid_request_state' } } }])
    const other = elsewhere(first, [new Uint8Array(32).fill(9), ...KEYS])
    other.ask(leg(1, first.state))
    expect(other.received).toMatchObject([{ params: { requestState: 'of the server' } }])
    await other.answer(resultOf(1))
    expect(first.balance()).toEqual(CHARGED)
  })

  test('sealed without keys go on in this process only', async () => {
    const first = await begun({ seat: {} })
    const other = elsewhere(first, KEYS)
    other.ask(leg(1, first.state))
    await settle()
    expect(other.told()).toMatchObject([{ error: { data: { error: 'invalid_request_state' } } }])
  })

  test('of one payer do not go on for another, who pays for a call of its own [T31]', async () => {
    const budget = (call: { auth?: { clientId: string | undefined } | undefined }) => call.auth?.clientId ?? 'nobody'
    const { ask, answer, told, memory } = serverOn({ seat: { sealKeys: KEYS }, budget: { budget: budget } })
    const as = (clientId: string) => ({ authInfo: { clientId, token: 'x', scopes: [] } })
    ask(leg(1), as('a'))
    await answer(asks(1, 's'))
    const { requestState } = told().at(-1).result
    ask(leg(2, requestState), as('b'))
    await settle()
    expect(told().at(-1)).toMatchObject({ id: 2, error: { data: { error: 'unauthorized' } } })
    memory.initialize('b', 100)
    ask(leg(3, requestState), as('b'))
    await answer(resultOf(3))
    expect(memory.describe('b').spent).toBe(5)
    ask(leg(4, requestState), as('a'))
    await answer(resultOf(4))
    expect(memory.describe('a')).toMatchObject({ spent: 5, held: 0 })
  })

  test('of one server do not go on at another that shares its keys and its budget [T24]', async () => {
    const first = await begun({ seat: { sealKeys: KEYS, server: 'a' } })
    const other = serverOn({ store: () => first.memory, seat: { sealKeys: KEYS, server: 'b' } })
    other.ask(leg(1, first.state))
    await settle()
    expect(other.told()).toMatchObject([{ error: { data: { error: 'invalid_request_state' } } }])
  })

  test('of another tool, or after their time, are refused, and cost nothing [T31]', async () => {
    const { ask, told, balance, clock, state, received } = await begun()
    ask(leg(2, state, 'other'))
    await clock.advanceAsync(ROUND_LIMITS.ttlMs)
    ask(leg(3, state))
    await settle()
    expect(told().slice(1)).toMatchObject([
      { id: 2, error: { data: { error: 'invalid_request_state' } } },
      { id: 3, error: { data: { error: 'invalid_request_state' } } },
    ])
    expect(received).toHaveLength(1)
    expect(balance()).toEqual(CHARGED)
  })

  test('are ten at most', async () => {
    const seat = await begun()
    let { state } = seat
    for (let round = 1; round <= ROUND_LIMITS.rounds; round++) {
      seat.ask(leg(round + 1, state))
      await seat.answer(asks(round + 1, `state ${round}`))
      state = seat.told().at(-1).result.requestState
    }
    expect(state).toBe(`state ${ROUND_LIMITS.rounds}`)
  })

  test('are told apart in shadow mode too, without a change of any message [I19]', async () => {
    for (const original of ['of the server', null]) {
      const seat = await begun({ budget: { mode: 'shadow' }, credits: 5 }, original)
      const refused = vi.fn()
      seat.events.on('refused', refused)
      expect(seat.told()).toEqual([asks(1, original ?? undefined)])
      const params = { inputResponses: {}, ...(original !== null && { requestState: original }) }
      const next = (id: number) => call(id, 'book', { _meta: MODERN, ...params })
      seat.ask(next(2))
      await settle()
      expect(refused).not.toHaveBeenCalled()
      seat.ask(next(3))
      await settle()
      expect(refused).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ enforced: false }))
      expect(seat.received).toEqual([leg(1), next(2), next(3)])
    }
  })

  test.each([
    [[], /Expected `sealKeys`/],
    ['x'.repeat(32), /Expected `sealKeys`/],
    [['short'], /Expected `sealKeys\[0\]` to be at least 32 bytes, got 5 bytes/],
    [[new Uint8Array(32), new Uint8Array(31)], /`sealKeys\[1\]`.*got 31 bytes/],
    [[7], /`sealKeys\[0\]`.*got number/],
  ])('take keys of at least 32 bytes, and never show one: %#', (sealKeys, message) => {
    expect(() => serverOn({ seat: { sealKeys: sealKeys as never } })).toThrow(message)
  })

  test('cannot be made up or changed, whatever is tried: all is refused [T31, I21]', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.constantFrom('flip', 'cut', 'insert', 'upper', 'twice'),
        fc.string({ maxLength: 3 }),
        async (at, how, text) => {
          const { ask, told, received, balance, state } = await begun()
          const i = 8 + (at % (state.length - 8))
          const forged = {
            flip: state.slice(0, i) + String.fromCharCode(state.charCodeAt(i) ^ 1) + state.slice(i + 1),
            cut: state.slice(0, i),
            insert: state.slice(0, i) + text + state.slice(i),
            upper: state.slice(0, 8) + state.slice(8).toUpperCase(),
            twice: state + state.slice(8),
          }[how]
          fc.pre(forged !== state)
          ask(leg(2, forged))
          await settle()
          expect(received).toHaveLength(1)
          expect(told().at(-1)).toMatchObject({ id: 2, error: { data: { error: 'invalid_request_state' } } })
          expect(balance()).toMatchObject({ held: 5, spent: 0 })
        },
      ),
      { numRuns: 200 },
    )
  })
})
