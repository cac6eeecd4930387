import { describe, expect, test } from 'vitest'
import { wrapClient, withBudget, withCostProfile, InMemoryBudgetEnforcer, type CallMiddleware } from 'mcp-budget'
import { call, MODERN, resultOf, seatOn } from '../../support/seat.js'
import { ResumableStub, StubTransport } from '../../support/stub-transport.js'

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const cancelled = (requestId: number) => ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } })
const refused = (): Promise<never> => Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }))

/** A step inside of the budget that decides when it is told to. */
function slowStep() {
  let go!: () => void
  const step = { name: 'slow', enter: (c: unknown) => new Promise((resolve) => (go = () => resolve(c))) }
  return { step: step as unknown as CallMiddleware, go: () => go() }
}

describe('a call that is given up', () => {
  test('while its batch is being decided is not forwarded by a transport that is started again [L-S10, I2]', async () => {
    let price!: (credits: number) => void
    const slow = (): Promise<number> => new Promise((resolve) => (price = resolve))
    const { transport, wire, balance } = seatOn({ prices: { costs: { fast: 5, slow } } })
    const sent = transport.send([call(1, 'fast'), call(2, 'slow')] as never).catch(() => {})
    await transport.close()
    await transport.start()
    price(5)
    await sent
    expect(wire.sent).toEqual([])
    expect(balance()).toMatchObject({ available: 100, held: 0 })
  })

  test('in its second round, while it waits in a batch, is not forwarded [I2]', async () => {
    let price!: (credits: number) => void
    const slow = (): Promise<number> => new Promise((resolve) => (price = resolve))
    const { transport, wire, received } = seatOn({
      prices: { costs: { search: 5, slow } },
      budget: { onCancel: 'release' },
    })
    await transport.send(call(1, 'search', { _meta: MODERN }))
    wire.receive(resultOf(1, { resultType: 'input_required', requestState: 'S' }))
    const { requestState } = received[0].result
    const next = call(2, 'search', { _meta: MODERN, requestState })
    const sent = transport.send([next, call(3, 'slow', { _meta: MODERN })] as never)
    await transport.send(cancelled(2))
    price(5)
    await sent
    expect(JSON.stringify(wire.sent)).not.toContain('"id":2,')
  })

  test.each(['cancelled', 'closed'])(
    '(%s) while a later step decides gives its credits back at once [L-P3]',
    async (how) => {
      const { step, go } = slowStep()
      const { transport, clock, memory, balance, wire } = seatOn({ inner: [step] })
      const sent = transport.send(call(1) as never).catch(() => {})
      await (how === 'cancelled' ? transport.send(cancelled(1)) : transport.close())
      expect(balance()).toMatchObject({ available: 100, held: 0 })
      clock.advance(600_000)
      go()
      await sent
      memory.describe('a')
      expect(balance()).toMatchObject({ available: 100, held: 0, spent: 0 })
      expect(wire.messages.filter((message) => message.method === 'tools/call')).toEqual([])
    },
  )

  test('while the store decides gives back what the store then holds [L-P3]', async () => {
    const { transport, balance } = seatOn({ store: 'later' })
    const sent = transport.send(call(1) as never).catch(() => {})
    await transport.close()
    await sent
    await settled()
    expect(balance()).toMatchObject({ available: 100, held: 0, spent: 0 })
  })
})

describe('a step that', () => {
  test('puts into the arguments what is no JSON has its call refused, and leaves no hold [I21]', async () => {
    const dated = { name: 'dated', enter: (c: any) => ({ ...c, args: { ...c.args, at: new Date(0) } }) }
    const { transport, wire, received, balance } = seatOn({ inner: [dated] })
    await transport.send(call(1))
    await settled()
    expect(wire.sent).toEqual([])
    expect(received[0].error.data).toMatchObject({ error: 'invalid_request' })
    expect(balance()).toMatchObject({ available: 100, held: 0 })
  })

  test.each([
    [
      'refuses with a time that no date can show',
      { kind: 'refused', error: 'budget_exhausted', reason: 'rate', tool: 'bad', resetAt: 9e15 },
    ],
    ['refuses without a slug that is known', { kind: 'refused', error: 'nonsense', tool: 'bad' }],
  ])('%s leaves no hold of the calls beside it in a batch [L-S24]', async (_case, refusal) => {
    const strict = { name: 'strict', enter: (c: any) => (c.tool === 'bad' ? refusal : c) }
    const { transport, wire, balance } = seatOn({ inner: [strict as never] })
    await transport.send([call(1), call(2, 'bad')] as never).catch(() => {})
    for (const message of wire.messages.flat()) wire.receive(resultOf(message.id))
    expect(balance()).toMatchObject({ held: 0 })
  })

  test.each([
    ['an object', () => ({})],
    ['text', () => 'ok'],
    ['text, later', () => Promise.resolve('ok')],
  ])('leaves with %s changes neither the answer nor the charge [I4]', async (_case, leave) => {
    const { transport, wire, received, balance } = seatOn({ inner: [{ name: 'odd', leave } as never] })
    await transport.send(call(1))
    wire.receive(resultOf(1))
    await settled()
    expect(received).toHaveLength(1)
    expect(balance()).toMatchObject({ held: 0, spent: 5 })
  })
})

describe('a call that was sent before', () => {
  test('is not given back when its broken stream cannot be resumed [I6]', async () => {
    const wire = new ResumableStub()
    const { transport, clock, memory, balance } = seatOn({ wire })
    const onresumptiontoken = (): void => {}
    let tell!: (token: string) => void
    wire.onsend = (_message: unknown, options: any) => void (tell = options.onresumptiontoken)
    await transport.send(call(1), { onresumptiontoken })
    tell('ev-1')
    wire.onsend = refused
    await transport.send(call(2) as never, { resumptionToken: 'ev-1', onresumptiontoken }).catch(() => {})
    await settled()
    clock.advance(130_000)
    memory.describe('a')
    expect(balance()).toMatchObject({ spent: 5 })
  })

  test('is not given back when its second round cannot be sent [I6]', async () => {
    const { transport, wire, received, clock, memory, balance } = seatOn()
    await transport.send(call(1, 'search', { _meta: MODERN }))
    wire.receive(resultOf(1, { resultType: 'input_required', requestState: 'S' }))
    const { requestState } = received[0].result
    wire.onsend = refused
    await transport.send(call(2, 'search', { _meta: MODERN, requestState }) as never).catch(() => {})
    await settled()
    clock.advance(130_000)
    memory.describe('a')
    expect(balance()).toMatchObject({ spent: 5 })
  })
})

class Restarting extends StubTransport {
  override async start(): Promise<void> {
    if (this.started++ > 0) throw new Error('ENOENT')
  }

  override send(message: never): Promise<void> {
    return this.closed ? Promise.reject(new Error('Not connected')) : super.send(message)
  }
}

describe('a transport', () => {
  test('that does not start again sends nothing, and nothing is paid [L-S10]', async () => {
    const { transport, clock, memory, balance } = seatOn({ wire: new Restarting() })
    await transport.start()
    await transport.close()
    await transport.start().catch(() => {})
    await transport.send(call(1) as never).catch(() => {})
    await settled()
    clock.advance(130_000)
    memory.describe('a')
    expect(balance()).toMatchObject({ spent: 0, held: 0 })
  })

  test('may be given to the same wrapped client again [T51]', async () => {
    const enforcer = new InMemoryBudgetEnforcer()
    const given: unknown[] = []
    const client = {
      connect: (transport: unknown) => Promise.resolve(void given.push(transport)),
      transport: undefined,
    }
    const metered = wrapClient(
      client as never,
      withCostProfile({ defaultCost: 5 }),
      withBudget({ enforcer, budget: 'a' }),
    )
    const wire = new StubTransport()
    await (metered as typeof client).connect(wire)
    await (metered as typeof client).connect(wire)
    expect(given[0]).toBe(given[1])
  })
})
