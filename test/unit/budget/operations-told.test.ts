import { InMemoryBudgetEnforcer, InMemoryTaskStore, KeyRing, MemoryLedger, meter, wrapTransport } from 'mcp-budget'
import { mint } from 'mcp-budget/delegation'
import { FakeClock, settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { StubTransport } from '../../support/stub-transport.js'

const TOKEN = 'dev.mcp-budget/token'
const keys = new KeyRing({ current: { kid: 'k1', key: globalThis.crypto.getRandomValues(new Uint8Array(32)) } })

async function seat(more: { readonly records?: undefined } = {}) {
  const clock = new FakeClock()
  const enforcer = new InMemoryBudgetEnforcer({ clock })
  for (const budget of ['alice', 'bob']) enforcer.initialize(budget, 1_000)
  const wire = new StubTransport()
  const steps = meter({
    enforcer,
    prices: { defaultCost: 40 },
    delegation: { keys },
    tasks: { tasks: new InMemoryTaskStore({ clock }), retryCostMode: 'reduced', retryRateBps: 2_500 },
    ...('records' in more ? {} : { ledger: new MemoryLedger() }),
    clock,
  })
  const transport = wrapTransport(wire, { clock }, steps)
  transport.onmessage = (({ id }: { id: number }) =>
    void transport.send({ jsonrpc: '2.0', id, result: { content: [], isError: true } })) as never
  let ids = 0
  const ask = async (method: string, params: object, token: string): Promise<any> => {
    const id = ++ids
    wire.receive({ jsonrpc: '2.0', id, method, params: { ...params, _meta: { [TOKEN]: token } } })
    await settle()
    return wire.messages.find((message) => message.id === id)
  }
  const tokenOf = (budget: string): Promise<string> => Promise.resolve(mint(keys, { budget, exp: 'never', clock }))
  const call = (token: string) => ask('tools/call', { name: 'draw', arguments: { q: 'x' } }, token)
  return { ask, call, tokenOf }
}

describe('`budget/balance` with `operations`', () => {
  test('tells what attempts and retries cost, and what they would have cost in full [seed-000:spend-by-task]', async () => {
    const { ask, call, tokenOf } = await seat()
    const alice = await tokenOf('alice')
    for (let i = 0; i < 3; i++) await call(alice)
    const { result } = await ask('budget/balance', { operations: true }, alice)
    expect(result.operations).toMatchObject([
      {
        tool: 'draw',
        charged: 60,
        full: 120,
        saved: 60,
        attempts: [
          { attempt: 1, end: 'failed', charged: 40, full: 40, saved: 0 },
          { attempt: 2, end: 'failed', charged: 10, full: 40, saved: 30 },
          { attempt: 3, end: 'failed', charged: 10, full: 40, saved: 30 },
        ],
      },
    ])
    expect(JSON.stringify(result)).not.toContain('mcpb_')
  })

  test('tells a token of its own calls alone [T35, T37]', async () => {
    const { ask, call, tokenOf } = await seat()
    const [alice, again, bob] = [await tokenOf('alice'), await tokenOf('alice'), await tokenOf('bob')]
    await call(alice)
    for (const other of [again, bob])
      expect((await ask('budget/balance', { operations: true }, other)).result.operations).toEqual([])
    expect((await ask('budget/balance', { operations: true }, alice)).result.operations).toHaveLength(1)
  })

  test.each([
    ['without records', { operations: true }, { records: undefined }],
    ['with another value', { operations: 'all' }, {}],
    ['beside what nobody knows', { operations: true, of: 'bob' }, {}],
  ])('is refused %s, and says what was expected', async (_, params, more) => {
    const { ask, tokenOf } = await seat(more)
    const { error } = await ask('budget/balance', params, await tokenOf('alice'))
    expect(error.data).toMatchObject({ error: 'invalid_params', expected: expect.any(String) })
  })
})
