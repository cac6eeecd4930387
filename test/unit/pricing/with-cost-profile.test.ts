import { describe, expect, expectTypeOf, test } from 'vitest'
import { BudgetEvents } from '../../../src/core/events.js'
import { compose } from '../../../src/core/compose.js'
import { withCostProfile } from '../../../src/pricing/with-cost-profile.js'
import type { CallMiddleware, GivesOf } from '../../../src/core/middleware.js'
import type { CallOutcome } from '../../../src/core/outcome.js'
import type { CostProfileOptions } from '../../../src/pricing/cost-profile.js'
import type { Priced } from '../../../src/core/price.js'
import type { Refusal } from '../../../src/core/refusal.js'
import type { ToolCall } from '../../../src/core/call.js'

function callOf(tool: string, server?: string): ToolCall {
  const parts = { args: { q: 'secret' }, meta: undefined, startedAt: 0, asTask: false, round: 0, auth: undefined }
  return { kind: 'call', id: 'charge-1', tool, server, ...parts }
}

function enter(options: CostProfileOptions, tool: string, server?: string): (ToolCall & Priced) | Refusal {
  return withCostProfile(options).enter!(callOf(tool, server)) as (ToolCall & Priced) | Refusal
}

/** What each event said, in order. */
function listen(): { events: BudgetEvents; heard: unknown[] } {
  const events = new BudgetEvents()
  const heard: unknown[] = []
  for (const name of ['unpriced', 'refused', 'fault'] as const) events.on(name, (event) => heard.push([name, event]))
  return { events, heard }
}

const OUTCOMES = {
  ran: { kind: 'result', proves: 'ran', result: {} },
  'tool error': { kind: 'result', proves: 'failed', result: { isError: true } },
  error: { kind: 'error', proves: 'failed', code: -32_000 },
  lost: { kind: 'lost', proves: 'unknown', cause: 'timed-out' },
  task: { kind: 'task', proves: 'unknown', taskId: 't', result: {} },
} as const satisfies Record<string, CallOutcome>

describe('withCostProfile', () => {
  test('adds the price to the call and changes nothing else of it', () => {
    const call = callOf('web_search')
    const priced = withCostProfile({ costs: { web_search: 5 } }).enter!(call) as ToolCall & Priced
    const { cost, price, ...rest } = priced
    expect(cost).toBe(5)
    expect(price.cost).toBe(5)
    expect(rest).toEqual(call)
    expect(rest.args).toBe(call.args)
    expect(call).not.toHaveProperty('cost')
  })

  test('puts the rule and the version of the list beside every price [L-P29]', () => {
    const options = { defaultCost: 5, costs: { 'gpt4_*': 25, draw: () => 9 }, version: '2026-11-01' }
    const sources = ['gpt4_x', 'draw', 'read'].map((tool) => (enter(options, tool) as Priced).price.source)
    const all = { server: undefined, version: '2026-11-01' }
    expect(sources).toEqual([
      { rule: 'wildcard', pattern: 'gpt4_*', ...all },
      { rule: 'exact', pattern: 'draw', ...all },
      { rule: 'default', pattern: 'defaultCost', ...all },
    ])
  })

  test('prices by the list of the server that the seat named', () => {
    const options = { defaultCost: 5, servers: { github: { costs: { search: 1 } } } }
    expect(enter(options, 'search', 'github')).toMatchObject({ cost: 1 })
    expect(enter(options, 'search')).toMatchObject({ cost: 5 })
  })

  test('serves all calls of a fixed price with one object, which nobody can change', () => {
    const step = withCostProfile({ defaultCost: 5 })
    const [first, second] = ['a', 'b'].map((tool) => (step.enter!(callOf(tool)) as Priced).price)
    expect(first).toBe(second)
    expect(first!.charge(OUTCOMES.ran)).toBe(second!.charge(OUTCOMES.ran))
    for (const part of [first, first!.source, first!.charge(OUTCOMES.ran)]) expect(Object.isFrozen(part)).toBe(true)
  })

  test('gives later steps what they need, by type and when it runs', async () => {
    const needy: CallMiddleware<Priced> = {
      name: 'needy',
      needs: ['cost', 'price'],
      enter: (call) => ({ ...call, meta: { cost: call.cost } }),
    }
    const seen: unknown[] = []
    const meter = compose(withCostProfile({ defaultCost: 5 }), needy)
    await meter.run({ tool: 'search' }, (call) => (seen.push(call.meta), {}))
    expect(seen).toEqual([{ cost: 5 }])
    expectTypeOf<GivesOf<ReturnType<typeof withCostProfile>>>().toEqualTypeOf<Priced>()
    // @ts-expect-error a step before what it needs
    expect(() => compose(needy, withCostProfile({ defaultCost: 5 }))).toThrow('Step `needy` needs `cost`')
  })

  test('takes functions whose arguments need no annotation, and annotated ones beside a schema', () => {
    const schema = { '~standard': { version: 1, vendor: 'test', validate: (value: any) => ({ value }) } } as const
    withCostProfile({
      costs: {
        draw: (args, call) => {
          expectTypeOf(args).toEqualTypeOf<ToolCall['args']>()
          expectTypeOf(call).toEqualTypeOf<ToolCall>()
          return 1
        },
        // @ts-expect-error text is no amount
        text: () => '5',
        large: { price: (args: { n: number }) => args.n, schema },
      },
    })
  })
})

describe('a tool without a price', () => {
  test('is refused by default [L-P13]', () => {
    const { events, heard } = listen()
    const answer = enter({ costs: { web_search: 5 }, events }, 'read_file')
    expect(answer).not.toHaveProperty('cost')
    expect(answer).toMatchObject({
      kind: 'refused',
      error: 'unpriced_tool',
      reason: 'unpriced',
      tool: 'read_file',
      retryable: false,
    })
    const call = { id: 'charge-1', tool: 'read_file', server: undefined }
    expect(heard).toEqual([['refused', { call, refusal: answer, enforced: true }]])
  })

  test('is refused when the options say so [L-P13]', () => {
    expect(enter({ unpriced: 'deny' }, 'read_file')).toMatchObject({ error: 'unpriced_tool', reason: 'unpriced' })
  })

  test('costs the default where there is one [L-P13]', () => {
    const { events, heard } = listen()
    expect(enter({ defaultCost: 5, events }, 'read_file')).toMatchObject({ cost: 5 })
    expect(enter({ defaultCost: 5, unpriced: 'default', events }, 'read_file')).toMatchObject({ cost: 5 })
    expect(heard).toEqual([])
  })

  test('passes for nothing and is told of when it is observed [L-P13]', () => {
    const { events, heard } = listen()
    const options = { unpriced: 'observe', version: 'v1', events } as const
    const call = enter(options, 'read_file', 'files') as ToolCall & Priced
    expect(call).toMatchObject({ kind: 'call', cost: 0 })
    expect(call.price.source).toEqual({ rule: 'unpriced', pattern: '', server: undefined, version: 'v1' })
    expect(Object.values(OUTCOMES).map((outcome) => call.price.charge(outcome))).toEqual(
      new Array(5).fill({ amount: 0 }),
    )
    expect(heard).toEqual([['unpriced', { call: { id: 'charge-1', tool: 'read_file', server: 'files' } }]])
  })

  test('is observed only where no rule prices it [L-P13]', () => {
    const { events, heard } = listen()
    const options = {
      unpriced: 'observe',
      costs: { web_search: 5 },
      servers: { a: { defaultCost: 2 } },
      events,
    } as const
    expect(enter(options, 'web_search')).toMatchObject({ cost: 5 })
    expect(enter(options, 'read_file', 'a')).toMatchObject({ cost: 2 })
    expect(heard).toEqual([])
  })

  test('is observed without anybody to hear it', () => {
    expect(enter({ unpriced: 'observe' }, 'read_file')).toMatchObject({ cost: 0 })
  })
})

describe('a call that is refused', () => {
  test.each<[string, CostProfileOptions]>([
    ['a default would price it', { defaultCost: 1, costs: { place_order: 50 } }],
    ['a catch-all would price it', { costs: { place_order: 50, '*': 1 } }],
    ['unpriced tools are observed', { unpriced: 'observe', costs: { place_order: 50 } }],
  ])('for a name like a priced one is refused also where %s [T23] [L-S21]', (_, options) => {
    for (const tool of ['Place_Order', 'place_order ', 'place_order\0', 'ｐlace_order', 'place\u200b_order']) {
      expect(enter(options, tool)).toMatchObject({
        kind: 'refused',
        error: 'unpriced_tool',
        reason: 'ambiguous_tool_name',
        tool,
        retryable: false,
        detail: { like: 'place_order' },
      })
    }
  })

  test('is told of when its price comes to nothing later', async () => {
    const { events, heard } = listen()
    const price = (): Promise<number> => Promise.reject(new Error('no'))
    const refusal = await withCostProfile({ defaultCost: price, events }).enter!(callOf('draw'))
    expect(refusal).toMatchObject({ reason: 'price_failed' })
    expect(heard).toMatchObject([['refused', { call: { tool: 'draw' }, refusal, enforced: true }]])
  })

  test('carries no argument [L-S23]', () => {
    const refusals = [enter({}, 'a'), enter({ costs: { a: 1 } }, 'A'), enter({ defaultCost: () => -1 }, 'a')]
    expect(JSON.stringify(refusals)).not.toContain('secret')
    expect(refusals.map((refusal) => refusal.kind)).toEqual(['refused', 'refused', 'refused'])
  })
})

describe('the price of an outcome', () => {
  const charges = (options: CostProfileOptions): unknown => {
    const { price } = enter(options, 'draw') as Priced
    return [price.cost, ...Object.values(OUTCOMES).map((outcome) => price.charge(outcome).amount)]
  }

  test.each<[string, CostProfileOptions, number[]]>([
    ['the same for all outcomes by default', { defaultCost: 10 }, [10, 10, 10, 10, 10, 10]],
    ['less when the call failed', { costs: { draw: { price: 10, failed: 2 } } }, [10, 10, 2, 2, 10, 10]],
    ['nothing when the call failed', { costs: { draw: { price: 10, failed: 0 } } }, [10, 10, 0, 0, 10, 10]],
    ['less when the end is unknown', { costs: { draw: { price: 10, unknown: 4 } } }, [10, 10, 10, 10, 4, 4]],
    ['more when the end is unknown', { costs: { draw: { price: 10, unknown: 40 } } }, [40, 10, 10, 10, 40, 40]],
    ['each its own', { defaultCost: { price: 10, failed: 11, unknown: 12 } }, [12, 10, 11, 11, 12, 12]],
    [
      'each its own, of a function',
      { defaultCost: { price: () => 10, failed: 30, unknown: 0 } },
      [30, 10, 30, 30, 0, 0],
    ],
  ])('is %s, and the largest is held [L-P5]', (_, options, amounts) => {
    expect(charges(options)).toEqual(amounts)
  })

  test('is that of a call that ran for one that proves not-run, should it be charged at all', () => {
    const { price } = enter({ costs: { draw: { price: 10, failed: 2, unknown: 3 } } }, 'draw') as Priced
    expect(price.charge({ kind: 'error', proves: 'not-run', code: -32_601 })).toEqual({ amount: 10 })
  })

  test('reports nothing: only a metered price does', () => {
    const { price } = enter({ defaultCost: 10 }, 'draw') as Priced
    expect(price.charge(OUTCOMES.ran)).toEqual({ amount: 10 })
  })
})
