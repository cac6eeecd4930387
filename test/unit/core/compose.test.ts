import {
  BudgetError,
  compose,
  InMemoryBudgetEnforcer,
  InMemoryTaskStore,
  withBudget,
  withCostProfile,
  withLedger,
  withTaskTracking,
  MemoryLedger,
  type CallMiddleware,
} from 'mcp-budget'
import { describe, expect, test } from 'vitest'

const enforcer = new InMemoryBudgetEnforcer()
enforcer.initialize('a', 100)
const budget = () => withBudget({ enforcer, budget: 'a' })
const prices = () => withCostProfile({ defaultCost: 5 })
// What the compiler would not let pass.
const composed = compose as (...steps: unknown[]) => ReturnType<typeof compose>
const codeOf = (action: () => unknown): string | undefined => {
  try {
    action()
  } catch (error) {
    return BudgetError.isInstance(error) ? error.code : String(error)
  }
  return undefined
}

describe('compose', () => {
  test('takes steps in an order that works', async () => {
    const meter = compose(withLedger({ ledger: new MemoryLedger() }), prices(), budget())
    expect(meter.steps.map((step) => step.name)).toEqual(['withLedger', 'withCostProfile', 'withBudget'])
    expect(await meter.run({ tool: 'search' }, () => ({ content: [] }))).toMatchObject({
      kind: 'result',
      charge: { held: 5, charged: 5, end: 'captured' },
    })
  })

  test('refuses a step that stands before what it needs, when it runs too', () => {
    expect(codeOf(() => composed(budget()))).toBe('wrong_order')
    expect(codeOf(() => composed(budget(), prices()))).toBe('wrong_order')
    expect(() => composed(budget(), prices())).toThrow(/withBudget.*needs.*`cost`/)
  })

  test('refuses a budget before what says how much of the price a retry pays', () => {
    const tracking = withTaskTracking({ tasks: new InMemoryTaskStore(), retryCostMode: 'first-only' })
    expect(() => composed(prices(), budget(), tracking)).toThrow('put `withTaskTracking` first')
    expect(codeOf(() => composed(prices(), tracking, budget()))).toBeUndefined()
  })

  test('says which step gives what is missing', () => {
    expect(() => composed(budget())).toThrow('such as `withCostProfile`')
    const nobody = withBudget({ enforcer })
    expect(() => composed(prices(), nobody)).toThrow('such as `withDelegation`, or set `budget`')
  })

  test('opens meters that are given as steps, and judges the whole order', () => {
    const priced = compose(withLedger({ ledger: new MemoryLedger() }), prices())
    const meter = composed(priced, budget())
    expect(meter.steps.map((step) => step.name)).toEqual(['withLedger', 'withCostProfile', 'withBudget'])
    expect(codeOf(() => composed(budget(), priced))).toBe('wrong_order')
  })

  test.each([undefined, null, 7, 'withBudget', {}, [], () => {}, { name: 7 }])('refuses %j as a step', (step) => {
    expect(codeOf(() => composed(prices(), step))).toBe('invalid_config')
  })

  test('takes no steps for a meter that lets everything through', async () => {
    expect(await compose().run({ tool: 'search' }, () => ({ content: [] }))).toMatchObject({ kind: 'result' })
  })

  test.each([undefined, '', 7, null, {}])('refuses to run a call of the tool %j', (tool) => {
    expect(codeOf(() => compose(prices(), budget()).run({ tool: tool as never }, () => ({})))).toBe('invalid_request')
  })

  test('refuses to run a call whose arguments have the name that they have on the wire', () => {
    const wire = { tool: 'search', arguments: { q: 'x' } }
    expect(() => compose(prices(), budget()).run(wire, () => ({}))).toThrow('in `args`, got `arguments`')
    expect(codeOf(() => compose(prices(), budget()).run(wire, () => ({})))).toBe('invalid_request')
  })

  test('refuses to run a call that nothing does, before it costs', () => {
    const before = enforcer.remaining('a')
    const idle = compose(prices(), budget()).run as (call: object, forward?: unknown) => unknown
    expect(codeOf(() => idle({ tool: 'search' }))).toBe('invalid_config')
    expect(codeOf(() => idle({ tool: 'search' }, { content: [] }))).toBe('invalid_config')
    expect(enforcer.remaining('a')).toBe(before)
  })

  test('hands the call on with what its caller said of it', async () => {
    const seen: unknown[] = []
    const spy: CallMiddleware = {
      name: 'spy',
      enter(call) {
        seen.push(call)
        return call
      },
    }
    await compose(spy).run({ tool: 't', args: { a: 1 }, meta: { b: 2 }, server: 's' }, () => ({}))
    expect(seen).toEqual([
      {
        kind: 'call',
        id: expect.any(String),
        tool: 't',
        args: { a: 1 },
        meta: { b: 2 },
        server: 's',
        startedAt: expect.any(Number),
        asTask: false,
        round: 0,
        auth: undefined,
      },
    ])
  })
})
