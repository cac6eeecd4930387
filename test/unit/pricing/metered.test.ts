import { describe, expect, test } from 'vitest'
import { BudgetEvents } from '../../../src/core/events.js'
import { withCostProfile } from '../../../src/pricing/with-cost-profile.js'
import { settle } from '../../../src/testing/fake-clock.js'
import type { BudgetEventMap } from '../../../src/core/events.js'
import type { CallOutcome } from '../../../src/core/outcome.js'
import type { Metering, PriceRule } from '../../../src/pricing/price-rule.js'
import type { Price, Priced } from '../../../src/core/price.js'
import type { ToolCall } from '../../../src/core/call.js'

const CALL: ToolCall = {
  kind: 'call',
  id: 'charge-1',
  tool: 'tts',
  args: { seconds: 30 },
  meta: undefined,
  server: undefined,
  startedAt: 0,
  asTask: false,
  round: 0,
  auth: undefined,
}

/** The price of one call of the tool `tts`, and the faults that charging it brings. */
function meter(rule: PriceRule): { price: Price; faults: Array<BudgetEventMap['fault'][0]> } {
  const faults: Array<BudgetEventMap['fault'][0]> = []
  const events = new BudgetEvents().on('fault', (fault) => faults.push(fault))
  const call = withCostProfile({ costs: { tts: rule }, events }).enter!(CALL)
  return { price: (call as ToolCall & Priced).price, faults }
}

const ran = (result: object): CallOutcome => ({ kind: 'result', proves: 'ran', result: result as never })
const failed = (result: object): CallOutcome => ({ kind: 'result', proves: 'failed', result: result as never })
const lost: CallOutcome = { kind: 'lost', proves: 'unknown', cause: 'closed' }
const error: CallOutcome = { kind: 'error', proves: 'failed', code: -32_000 }

const POINTED: PriceRule = { max: 50, metered: { pointer: '/structuredContent/usage/credits' } }
const reporting = (credits: unknown): CallOutcome => ran({ structuredContent: { usage: { credits } } })

describe('a metered price', () => {
  test.each([
    ['null on the way', ran({ structuredContent: null }), '`undefined`'],
    ['text on the way', ran({ structuredContent: 'x' }), '`undefined`'],
    ['null', reporting(null), 'null'],
    ['a negative number', reporting(-1), 'a number out of range'],
  ])('says what came instead of a report: %s', (_, outcome, got) => {
    const { price, faults } = meter(POINTED)
    expect(price.charge(outcome)).toEqual({ amount: 50 })
    expect(faults).toMatchObject([{ where: 'price costs.tts', error: { code: 'invalid_credits' } }])
    expect((faults[0]?.error as Error).message).toContain(`got ${got}; all 50 credits of the hold are charged`)
  })

  test('charges 0 for a report of -0', () => {
    const { price } = meter(POINTED)
    expect(Object.is(price.charge(reporting(-0)).amount, 0)).toBe(true)
  })

  test('holds the maximum and charges what the result reports', () => {
    const { price, faults } = meter(POINTED)
    expect(price.cost).toBe(50)
    expect(price.charge(reporting(7))).toEqual({ amount: 7, reported: 7 })
    expect(price.charge(reporting(0))).toEqual({ amount: 0, reported: 0 })
    expect(faults).toEqual([])
  })

  test('holds what a function of the arguments says', () => {
    const { price } = meter({ max: (args) => (args?.['seconds'] as number) * 2, metered: { meta: 'cost' } })
    expect(price.cost).toBe(60)
    expect(price.charge(ran({ _meta: { cost: 8 } }))).toEqual({ amount: 8, reported: 8 })
    expect(price.charge(ran({}))).toEqual({ amount: 60 })
  })

  test('hands on a report above the hold as it is, for the enforcer to cap [T26]', () => {
    const { price, faults } = meter(POINTED)
    expect(price.charge(reporting(1_000_000_000))).toEqual({ amount: 1_000_000_000, reported: 1_000_000_000 })
    expect(faults).toEqual([])
  })

  test.each<[string, unknown, string]>([
    ['missing', undefined, '`undefined`'],
    ['null', null, 'null'],
    ['negative', -5, 'a number out of range'],
    ['NaN', NaN, 'a number out of range'],
    ['1e309', JSON.parse('1e309'), 'a number out of range'],
    ['beyond 2^53−1', 2 ** 53, 'a number out of range'],
    ['a fraction', 0.71, 'a fraction'],
    ['text', '7', 'a string'],
    ['true', true, 'a boolean'],
    ['an object', { credits: 7 }, 'an object'],
    ['an array', [7], 'an array'],
  ])('charges the whole hold for a report that is %s, and says so [T26] [T18] [L-S23]', (_, credits, got) => {
    const { price, faults } = meter(POINTED)
    expect(price.charge(reporting(credits))).toEqual({ amount: 50 })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatchObject({ where: 'price costs.tts', error: { code: 'invalid_credits' } })
    const { message } = faults[0]!.error as Error
    expect(message).toContain("tool 'tts'")
    expect(message).toContain('charge-1')
    expect(message).toContain('50 credits')
    expect(message).toContain(got)
  })

  test('says so once for a call, however often it is asked [T26]', () => {
    const { price, faults } = meter(POINTED)
    for (let i = 0; i < 3; i++) expect(price.charge(reporting('no'))).toEqual({ amount: 50 })
    expect(faults).toHaveLength(1)
  })

  test('says so for each call [T26]', () => {
    const faults: unknown[] = []
    const events = new BudgetEvents().on('fault', (fault) => faults.push(fault))
    const step = withCostProfile({ costs: { tts: POINTED }, events })
    for (let i = 0; i < 3; i++) (step.enter!(CALL) as Priced).price.charge(ran({}))
    expect(faults).toHaveLength(3)
  })

  test('puts nothing of a result into the event [L-S23]', () => {
    for (const credits of ['secret', -77_123, { secret: true }, ['secret'], 77_123.5]) {
      const { price, faults } = meter(POINTED)
      price.charge(reporting(credits))
      const { where, error } = faults[0]!
      expect(`${where} ${(error as Error).message}`).not.toMatch(/secret|77.?123/)
    }
  })

  test('needs no listener, and charges whatever a listener does [T26]', () => {
    const events = new BudgetEvents().on('fault', () => {
      throw new Error('no')
    })
    events.emit = () => {
      throw new Error('broken')
    }
    for (const options of [{ costs: { tts: POINTED } }, { costs: { tts: POINTED }, events }]) {
      const call = withCostProfile(options).enter!(CALL) as Priced
      expect(call.price.charge(ran({}))).toEqual({ amount: 50 })
    }
  })
})

describe('the place of a report', () => {
  test.each<[string, Metering, object]>([
    ['a key of _meta', { meta: 'example.com/usage' }, { _meta: { 'example.com/usage': 7 } }],
    ['a place under a key of _meta', { meta: 'u', pointer: '/a/b' }, { _meta: { u: { a: { b: 7 } } } }],
    ['an element of an array', { pointer: '/content/1/cost' }, { content: [{ cost: 1 }, { cost: 7 }] }],
    ['an escaped key [RFC 6901]', { pointer: '/a~1b/m~0n/~01' }, { 'a/b': { 'm~n': { '~1': 7 } } }],
    ['an empty key [RFC 6901]', { pointer: '/' }, { '': 7 }],
    ['a key named __proto__', { pointer: '/__proto__/cost' }, JSON.parse('{ "__proto__": { "cost": 7 } }') as object],
    ['a function of the result', { from: (result) => (result['cost'] as number) + 1 }, { cost: 6 }],
  ])('is %s', (_, metered, result) => {
    const { price, faults } = meter({ max: 50, metered })
    expect(price.charge(ran(result))).toEqual({ amount: 7, reported: 7 })
    expect(faults).toEqual([])
  })

  test.each<[string, Metering, object]>([
    ['in a prototype', { pointer: '/toString/length' }, {}],
    ["in an array's prototype", { pointer: '/content/concat/length' }, { content: [] }],
    ["an array's length", { pointer: '/content/length' }, { content: [1, 2] }],
    ['an element with a leading zero [RFC 6901]', { pointer: '/content/01' }, { content: [1, 2] }],
    ['past the end of an array [RFC 6901]', { pointer: '/content/-' }, { content: [1, 2] }],
    ['under a text', { pointer: '/text/length' }, { text: 'abc' }],
    ['an inherited key of _meta', { meta: 'constructor', pointer: '/length' }, { _meta: {} }],
    ['in a _meta that is inherited', { meta: 'cost' }, Object.create({ _meta: { cost: 1 } }) as object],
  ])('is never %s [T26]', (_, metered, result) => {
    const { price, faults } = meter({ max: 50, metered })
    expect(price.charge(ran(result))).toEqual({ amount: 50 })
    expect(faults).toHaveLength(1)
  })

  test('charges the whole hold when reading it throws, without repeating what was thrown [T26]', () => {
    const from = (): never => {
      throw new Error('secret')
    }
    const { price, faults } = meter({ max: 50, metered: { from } })
    expect(price.charge(ran({}))).toEqual({ amount: 50 })
    expect((faults[0]!.error as Error).message).toMatch(/reading it threw/)
    expect(String(faults[0]!.error) + String((faults[0]!.error as Error).cause)).not.toContain('secret')
  })

  test('charges the whole hold when the report comes later, and outlives its failure [T26]', async () => {
    const { price, faults } = meter({ max: 50, metered: { from: () => Promise.reject(new Error('later')) } })
    expect(price.charge(ran({}))).toEqual({ amount: 50 })
    expect(faults).toHaveLength(1)
    await settle()
  })
})

describe('a report in a larger unit', () => {
  const dollars: PriceRule = { max: 50, metered: { meta: 'usd' }, creditsPerUnit: 1_000 }
  const charge = (rule: PriceRule, usd: unknown): unknown => meter(rule).price.charge(ran({ _meta: { usd } }))

  test.each<[string, unknown, number]>([
    ['a number', 0.007, 7],
    ['text', '0.007', 7],
    ['finer than a credit, which is rounded up', '0.0071', 8],
    ['the smallest that there is, which is rounded up', 1e-9, 1],
    ['a sum that floats get wrong', 0.1 + 0.2, 301],
    ['that sum as text', '0.3', 300],
    ['with an exponent', '7e-3', 7],
    ['zero', 0, 0],
    ['more than the hold', '0.1', 100],
  ])('is converted exactly when it is %s [L-S23] [L-P11]', (_, usd, amount) => {
    expect(charge(dollars, usd)).toEqual({ amount, reported: amount })
  })

  test.each<[string, unknown]>([
    ['missing', undefined],
    ['negative', -0.1],
    ['negative text', '-0.1'],
    ['NaN', NaN],
    ['infinite', JSON.parse('1e309')],
    ['huge text', '1e999'],
    ['beyond 2^53−1', 1e15],
    ['text with a currency', '$0.10'],
    ['text with a comma', '0,10'],
    ['hexadecimal text', '0x10'],
    ['empty text', ''],
    ['an object', {}],
  ])('charges the whole hold when it is %s [T26] [L-S23]', (_, usd) => {
    const { price, faults } = meter(dollars)
    expect(price.charge(ran({ _meta: { usd } }))).toEqual({ amount: 50 })
    expect(faults).toHaveLength(1)
  })
})

describe('a metered price by outcome', () => {
  const report = { structuredContent: { usage: { credits: 7 } } }

  test('takes the report of a tool error', () => {
    expect(meter(POINTED).price.charge(failed(report))).toEqual({ amount: 7, reported: 7 })
  })

  test.each<[string, CallOutcome]>([
    ['a JSON-RPC error', error],
    ['a lost call', lost],
    ['a task', { kind: 'task', proves: 'unknown', taskId: 't', result: report }],
  ])('charges the whole hold for %s, and complains of nothing', (_, outcome) => {
    const { price, faults } = meter(POINTED)
    expect(price.charge(outcome)).toEqual({ amount: 50 })
    expect(faults).toEqual([])
  })

  test('charges what the rule says for calls that failed or are lost [L-P5]', () => {
    const { price, faults } = meter({ ...POINTED, failed: 2, unknown: 3 })
    expect(price.cost).toBe(50)
    expect(price.charge(failed(report))).toEqual({ amount: 2 })
    expect(price.charge(error)).toEqual({ amount: 2 })
    expect(price.charge(lost)).toEqual({ amount: 3 })
    expect(price.charge(ran(report))).toEqual({ amount: 7, reported: 7 })
    expect(faults).toEqual([])
  })

  test('holds the largest amount that the rule names [L-P5]', () => {
    const { price } = meter({ ...POINTED, unknown: 80 })
    expect(price.cost).toBe(80)
    expect(price.charge(lost)).toEqual({ amount: 80 })
    expect(price.charge(ran({}))).toEqual({ amount: 80 })
  })
})
