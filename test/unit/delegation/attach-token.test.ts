import {
  compose,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  withDelegation,
  wrapTransport,
  type AttachOptions,
  type CallMiddleware,
  type ToolCall,
} from 'mcp-budget'
import { settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { call, deepFreeze, MODERN } from '../../support/seat.js'
import { StubTransport } from '../../support/stub-transport.js'
import { TOKEN } from '../../support/token-seat.js'

const MINE = 'mcpb_mine'

function client(options: AttachOptions, ...more: readonly CallMiddleware[]) {
  const wire = new StubTransport()
  const steps = [withDelegation(options), ...more] as unknown as readonly []
  const transport = wrapTransport(wire, ...steps)
  const received: any[] = []
  transport.onmessage = (message: any) => void received.push(message)
  return { wire, transport, received }
}

describe('a client with a token', () => {
  test.each([
    ['at once', MINE],
    ['later', () => Promise.resolve(MINE)],
    ['by what the call is', ({ tool }: ToolCall) => (tool === 'search' ? MINE : 'mcpb_other')],
  ])('sends it with each call, on a copy, %s', async (_, token) => {
    const { wire, transport } = client({ token })
    const message = deepFreeze(call(1, 'search', { _meta: MODERN }))
    await transport.send(message)
    expect(wire.messages).toEqual([{ ...message, params: { ...message.params, _meta: { ...MODERN, [TOKEN]: MINE } } }])
    expect(JSON.stringify(message)).not.toContain(MINE)
  })

  test('sends it under the name of the seeds too, where that is asked for', async () => {
    const { wire, transport } = client({ token: MINE, alias: true })
    await transport.send(call(1))
    expect(wire.messages[0].params._meta).toEqual({ [TOKEN]: MINE, token: MINE })
  })

  test('sends it with calls and with nothing else', async () => {
    const { wire, transport } = client({ token: MINE })
    const others = [
      { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} },
      { jsonrpc: '2.0', id: 2, method: 'initialize', params: {} },
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', id: 3, result: {} },
    ]
    for (const message of others) await transport.send(message)
    expect(wire.messages).toEqual(others)
  })

  test('shows it to no other step, and to no listener [L-S31]', async () => {
    const seen: unknown[] = []
    const spy: CallMiddleware = {
      name: 'spy',
      enter: (each) => (seen.push(each, JSON.stringify(each), Object.entries(each.auth ?? {})), each),
      leave: (each, outcome) => (seen.push(each, outcome), outcome),
    }
    const { transport, wire } = client({ token: MINE }, spy)
    await transport.send(call(1))
    wire.receive({ jsonrpc: '2.0', id: 1, result: {} })
    await settle()
    expect(seen.length).toBeGreaterThan(3)
    expect(JSON.stringify(seen)).not.toContain(MINE)
  })

  test.each([
    ['another of ours', { [TOKEN]: 'mcpb_other' }, true],
    ['the same', { [TOKEN]: MINE }, false],
    ['another under the name of the seeds', { token: 'mcpb_other' }, true],
    ['the same under the name of the seeds', { token: MINE }, false],
    ['what is of somebody else', { token: 'of-another' }, false],
    ['no text', { [TOKEN]: 7 }, true],
  ])('refuses a call that brings %s: %j, refused %s', async (_, meta, refused) => {
    const { wire, transport, received } = client({ token: MINE })
    await transport.send(call(1, 'search', { _meta: meta }))
    await settle()
    expect(wire.messages).toHaveLength(refused ? 0 : 1)
    if (refused)
      expect(received[0].error.data).toMatchObject({ error: 'unauthorized', reason: 'ambiguous_credentials' })
    else expect(wire.messages[0].params._meta).toEqual({ ...meta, [TOKEN]: MINE })
    expect(JSON.stringify(received)).not.toContain('mcpb_')
  })

  test.each([
    ['nothing', () => undefined],
    ['an empty text', () => ''],
    ['a text of two lines', () => 'mcpb_a\nb'],
    ['a rejection', () => Promise.reject(new Error('down'))],
    [
      'a throw',
      () => {
        throw new Error('down')
      },
    ],
  ])('sends no call for which there is %s in place of a token', async (_, token) => {
    const { wire, transport, received } = client({ token: token as () => string })
    await transport.send(call(1))
    await settle()
    expect(wire.messages).toEqual([])
    expect(received[0].error.data.error).toBe('step_failed')
  })

  test('may hold to a budget of its own too, and pays for what it sends alone', async () => {
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('a', 5)
    const own = compose(withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'a' }))
    const { wire, transport, received } = client({ token: MINE }, own)
    await transport.send(call(1))
    await transport.send(call(2))
    await settle()
    expect(wire.messages).toHaveLength(1)
    expect(received[0].error.data.error).toBe('budget_exhausted')
  })

  test('beside a budget in shadow mode is a mistake, for shadow mode changes no message', () => {
    const enforcer = new InMemoryBudgetEnforcer()
    const shadow = compose(withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'a', mode: 'shadow' }))
    expect(() => client({ token: MINE }, shadow)).toThrow(expect.objectContaining({ code: 'invalid_config' }))
  })

  test('says that none was given, such as an environment variable that is not set, and shows none that was', () => {
    expect(() => withDelegation({ token: undefined as never })).toThrow('got `undefined`')
    expect(() => withDelegation({ token: 'mcpb_ secret' })).toThrow(/got something else$/)
  })
})
