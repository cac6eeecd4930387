import { describe, expect, test } from 'vitest'
import { enum as oneOf, int, object, strictObject } from 'zod'
import { FakeClock, settle } from '../../../src/testing/fake-clock.js'
import { withCostProfile } from '../../../src/pricing/with-cost-profile.js'
import type { CostProfileOptions } from '../../../src/pricing/cost-profile.js'
import type { PriceFunction, PriceRule } from '../../../src/pricing/price-rule.js'
import type { StandardSchemaV1 } from '../../../src/pricing/standard-schema.js'
import type { Priced } from '../../../src/core/price.js'
import type { ToolCall } from '../../../src/core/call.js'

function callOf(args: unknown, tool = 'draw'): ToolCall {
  const parts = { meta: undefined, server: undefined, startedAt: 0, asTask: false, round: 0, auth: undefined }
  return { kind: 'call', id: 'charge-1', tool, args: args as ToolCall['args'], ...parts }
}

/** Enters a call of the tool `draw`, priced by one rule. */
function enter(rule: PriceRule, args: unknown, options: CostProfileOptions = {}) {
  const step = withCostProfile({ costs: { draw: rule }, ...options })
  return step.enter!(callOf(args))
}

const perImage: PriceFunction = (args) => (args?.['n'] as number) * 20

describe('a price function', () => {
  test('prices a call by its arguments, in the same tick', () => {
    expect(enter(perImage, { n: 3 })).toMatchObject({ kind: 'call', cost: 60 })
  })

  test('may answer later', async () => {
    const answer = enter((args) => Promise.resolve(perImage(args, callOf(args))), { n: 3 })
    expect(answer).toBeInstanceOf(Promise)
    expect(await answer).toMatchObject({ kind: 'call', cost: 60 })
  })

  test('may answer with any thenable, even one that answers twice and hands nothing on', async () => {
    const thenable = { then: (resolve: (amount: number) => void) => void [resolve(60), resolve(0)] }
    expect(await enter(() => thenable as unknown as Promise<number>, {})).toMatchObject({ kind: 'call', cost: 60 })
  })

  test.each([
    [{ price: () => 21, max: 20 }, 20, 'a number out of range'],
    [() => -1, Number.MAX_SAFE_INTEGER, 'a number out of range'],
    [() => '5', Number.MAX_SAFE_INTEGER, 'a string'],
  ])('that gives no amount is named to the operator, without the value [T25]', (rule, max, got) => {
    expect(enter(rule as PriceRule, {})).toMatchObject({
      reason: 'invalid_price',
      detail: {
        error: {
          code: 'invalid_credits',
          message: `Expected the price of tool 'draw' to be an integer from 0 to ${max}, got ${got}`,
        },
      },
    })
  })

  test('that takes too long is refused, and says how long it had', async () => {
    const clock = new FakeClock()
    const answer = enter(() => new Promise(() => {}), {}, { clock, priceTimeoutMs: 300 })
    await clock.advanceAsync(300)
    expect(await answer).toMatchObject({ reason: 'price_timeout', detail: { timeoutMs: 300 } })
  })

  test('may give 0, and a default may be one', () => {
    const { cost, price } = withCostProfile({ defaultCost: () => -0 }).enter!(callOf({})) as ToolCall & Priced
    expect([cost, price.charge({ kind: 'result', proves: 'ran', result: {} }).amount]).toEqual([0, 0])
  })

  test('sees a deep-frozen copy of the arguments, and what is forwarded stays as it came [T25] [L-S22]', () => {
    const args = { n: 3, N: 4, deep: { list: [{ a: 1 }] } }
    let seen: any
    const price: PriceFunction = (args, call) => {
      seen = args
      expect(call.args).toBe(args)
      expect(call).toMatchObject({ tool: 'draw', id: 'charge-1' })
      return 1
    }
    const answer = enter(price, args) as ToolCall
    expect(seen).toEqual(args)
    expect(seen).not.toBe(args)
    for (const part of [seen, seen.deep, seen.deep.list, seen.deep.list[0]]) expect(Object.isFrozen(part)).toBe(true)
    expect(answer.args).toBe(args)
    expect(answer.tool).toBe('draw')
    expect(Object.isFrozen(args.deep.list)).toBe(false)
  })

  test('cannot change its arguments: trying is a throw, and the call is refused [T25]', () => {
    const answer = enter((args) => ((args as any).n = 0), { n: 3 })
    expect(answer).toMatchObject({ kind: 'refused', error: 'unpriced_tool', reason: 'price_failed' })
  })

  test('sees no arguments where the call has none', () => {
    expect(enter((args) => (args === undefined ? 7 : 8), undefined)).toMatchObject({ cost: 7 })
  })

  test('sees __proto__ among the arguments as a key like any other [T17]', () => {
    const price: PriceFunction = (args) => (Object.hasOwn(args!, '__proto__') && args!['free'] === undefined ? 9 : 0)
    expect(enter(price, JSON.parse('{ "__proto__": { "free": true } }'))).toMatchObject({ cost: 9 })
  })

  test.each<[string, unknown]>([
    ['text', { n: '4x' }],
    ['a huge number', { n: 1e308 }],
    ['a negative number', { n: -1 }],
    ['a fraction that makes a fraction', { n: 0.01 }],
    ['absent', {}],
    ['an object', { n: {} }],
  ])('cannot be made to give no amount by an argument that is %s [T25]', (_, args) => {
    expect(enter(perImage, args)).toMatchObject({ kind: 'refused', error: 'unpriced_tool', reason: 'invalid_price' })
  })

  test.each<[string, unknown]>([
    ['negative', -1],
    ['a fraction', 1.5],
    ['NaN', NaN],
    ['infinite', Infinity],
    ['beyond 2^53−1', 2 ** 53],
    ['text', '5'],
    ['a bigint', 5n],
    ['nothing', undefined],
    ['null', null],
    ['an object', { kind: 'refused', error: 'unpriced_tool' }],
    ['an array', [5]],
  ])('refuses the call when it gives what is %s, now or later [T18] [T25]', async (_, amount) => {
    const refusal = { kind: 'refused', error: 'unpriced_tool', reason: 'invalid_price', tool: 'draw' }
    expect(enter(() => amount as number, {})).toMatchObject(refusal)
    expect(await enter(() => Promise.resolve(amount as number), {})).toMatchObject(refusal)
  })

  test('refuses the call when it throws, and tells the operator what [T25]', async () => {
    const error = new Error('no such size')
    const refusal = {
      kind: 'refused',
      error: 'unpriced_tool',
      reason: 'price_failed',
      retryable: false,
      detail: { error },
    }
    const thrower = (): number => {
      throw error
    }
    expect(enter(thrower, {})).toMatchObject(refusal)
    expect(await enter(() => Promise.reject(error), {})).toMatchObject(refusal)
  })

  test('refuses the call when it is too slow, and what it says later changes nothing [T25]', async () => {
    const clock = new FakeClock()
    let resolve: (amount: number) => void = () => {}
    const answer = enter(() => new Promise<number>((done) => (resolve = done)), {}, { clock, priceTimeoutMs: 40 })
    let settled: unknown
    void Promise.resolve(answer).then((value) => (settled = value))
    await clock.advanceAsync(39)
    expect(settled).toBeUndefined()
    await clock.advanceAsync(1)
    expect(settled).toMatchObject({ kind: 'refused', error: 'unpriced_tool', reason: 'price_timeout' })
    resolve(5)
    await settle()
    expect(settled).toMatchObject({ reason: 'price_timeout' })
  })

  test('may fail after its time without ending the process [T25]', async () => {
    const clock = new FakeClock()
    let reject: (error: Error) => void = () => {}
    const answer = enter(() => new Promise<number>((_, fail) => (reject = fail)), {}, { clock })
    await clock.advanceAsync(1_000)
    expect(await answer).toMatchObject({ reason: 'price_timeout' })
    reject(new Error('late'))
    await settle()
  })

  test.each<[string, PriceFunction]>([
    ['in time', () => Promise.resolve(5)],
    ['in vain', () => Promise.reject(new Error('no'))],
  ])('leaves no timer behind when it answers %s', async (_, price) => {
    const clock = new FakeClock()
    await enter(price, {}, { clock })
    expect(clock.timers).toBe(0)
  })

  test('sets no timer when it answers at once', () => {
    const clock = new FakeClock()
    enter(() => 5, {}, { clock })
    expect(clock.timers).toBe(0)
  })

  test.each<[string, PriceFunction]>([
    ['an amount of the arguments', (args) => args?.['secret'] as number],
    ['a fraction', () => 424_242.5],
  ])('leaves %s out of the refusal [L-S23]', (_, price) => {
    const answer = enter(price, { secret: '424242' })
    expect(answer).toMatchObject({ kind: 'refused' })
    expect(JSON.stringify(answer) + String((answer as any).detail.error.message)).not.toContain('424242')
  })
})

describe('a maximum beside a price function', () => {
  test('lets prices pass up to it [T25]', () => {
    expect(enter({ price: perImage, max: 60 }, { n: 3 })).toMatchObject({ cost: 60 })
  })

  test('refuses a price above it, and does not cut it [T25]', () => {
    expect(enter({ price: perImage, max: 60 }, { n: 4 })).toMatchObject({ kind: 'refused', reason: 'invalid_price' })
  })
})

describe('arguments that no price function may be shown', () => {
  let deep: unknown = {}
  for (let i = 0; i < 5_000; i++) deep = { deep }

  test.each<[string, unknown, string]>([
    ['too deep', deep, 'too_large'],
    ['too many', { list: new Array(100_001).fill(1) }, 'too_large'],
    ['no JSON', { when: new Date() }, 'invalid_request'],
    ['a number that JSON cannot say', { n: NaN }, 'invalid_request'],
  ])('refuse the call when they are %s', (_, args, reason) => {
    const answer = enter(() => 5, args)
    expect(answer).toMatchObject({ kind: 'refused', error: 'invalid_request', reason, tool: 'draw' })
  })

  test('do not matter to a fixed price', () => {
    expect(enter(5, { deep })).toMatchObject({ kind: 'call', cost: 5 })
  })
})

describe('a schema beside a price function', () => {
  const schema = object({ n: int().min(1).max(10), size: oneOf(['small', 'large']).default('small') })
  const price = (args: { n: number; size: string }): number => args.n * (args.size === 'large' ? 50 : 20)
  const rule: PriceRule = { price, schema, max: 500 }

  test('hands its output to the function, frozen, and leaves what is forwarded as it came [T25]', () => {
    const args = { n: 3, more: 'kept' }
    let seen: unknown
    const watched: PriceRule = { price: (args: any) => ((seen = args), price(args)), schema }
    expect(enter(watched, args)).toMatchObject({ cost: 60, args })
    expect(seen).toEqual({ n: 3, size: 'small' })
    expect(Object.isFrozen(seen)).toBe(true)
  })

  test.each<[string, unknown]>([
    ['n is text', { n: '4' }],
    ['n is huge', { n: 1e308 }],
    ['n is absent', {}],
    ['n is a fraction', { n: 1.5 }],
    ['there are none', undefined],
  ])('refuses the call when %s [T25]', (_, args) => {
    const refusal = { kind: 'refused', error: 'unpriced_tool', reason: 'invalid_arguments', retryable: false }
    expect(enter(rule, args)).toMatchObject(refusal)
  })

  test('tells how many issues there are, and nothing of what the agent sent', () => {
    const strict: PriceRule = { price: () => 1, schema: strictObject({ n: int() }) }
    const answer = enter(strict, { n: 'secret-1', 'secret-2': true })
    expect(answer).toMatchObject({ reason: 'invalid_arguments', detail: { issues: 2 } })
    expect(JSON.stringify(answer)).not.toContain('secret')
  })

  test('may answer later, and is then held to the same time [T25]', async () => {
    const refined = (ms: number, clock: FakeClock) =>
      schema.refine(() => new Promise<boolean>((resolve) => void clock.after(ms, () => resolve(true))))
    const clock = new FakeClock()
    const fast = enter({ price, schema: refined(50, clock) }, { n: 3 }, { clock, priceTimeoutMs: 100 })
    const slow = enter({ price, schema: refined(150, clock) }, { n: 3 }, { clock, priceTimeoutMs: 100 })
    await clock.advanceAsync(200)
    expect(await fast).toMatchObject({ kind: 'call', cost: 60 })
    expect(await slow).toMatchObject({ kind: 'refused', reason: 'price_timeout' })
  })

  test('may find issues later', async () => {
    const later = schema.refine(() => Promise.resolve(false))
    expect(await enter({ price, schema: later }, { n: 3 })).toMatchObject({ reason: 'invalid_arguments' })
  })

  test('refuses the call when it throws [T25]', () => {
    const broken: StandardSchemaV1 = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => {
          throw new Error('broken')
        },
      },
    }
    expect(enter({ price, schema: broken }, { n: 3 })).toMatchObject({ kind: 'refused', reason: 'price_failed' })
  })

  test('may make anything of the arguments, also what freezes only in part', () => {
    const output = { when: new Date(0), loop: {} as object }
    output.loop = output
    const odd: StandardSchemaV1 = { '~standard': { version: 1, vendor: 'test', validate: () => ({ value: output }) } }
    expect(enter({ price: (args) => Object.keys(args!).length, schema: odd }, {})).toMatchObject({ cost: 2 })
    expect(Object.isFrozen(output)).toBe(true)
    expect(Object.isFrozen(output.when)).toBe(false)
  })

  test('stands beside a computed hold too', () => {
    const tts: PriceRule = { max: price, schema, metered: { meta: 'cost' } }
    expect(enter(tts, { n: 2 })).toMatchObject({ cost: 40 })
    expect(enter(tts, { n: '2' })).toMatchObject({ reason: 'invalid_arguments' })
  })
})
