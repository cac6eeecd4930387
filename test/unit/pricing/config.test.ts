import { describe, expect, test } from 'vitest'
import { BudgetError } from '../../../src/core/errors.js'
import { compileCostProfile } from '../../../src/pricing/cost-profile.js'

/** The error that options are met with. */
function errorOf(options: unknown): BudgetError {
  try {
    compileCostProfile(options as never)
  } catch (error) {
    if (BudgetError.isInstance(error)) return error
    throw error
  }
  throw new Error('the options were accepted')
}

describe('an amount in the options', () => {
  const places: Array<[string, (amount: unknown) => unknown]> = [
    ['defaultCost', (amount) => ({ defaultCost: amount })],
    ['costs.search', (amount) => ({ costs: { search: amount } })],
    ['costs.gpt4_*', (amount) => ({ costs: { 'gpt4_*': amount } })],
    ['costs.*', (amount) => ({ costs: { '*': amount } })],
    ['costs["two words"]', (amount) => ({ costs: { 'two words': amount } })],
    ['servers.github.defaultCost', (amount) => ({ servers: { github: { defaultCost: amount } } })],
    ['servers.github.costs.search', (amount) => ({ servers: { github: { costs: { search: amount } } } })],
    ['costs.draw.price', (amount) => ({ costs: { draw: { price: amount } } })],
    ['costs.draw.failed', (amount) => ({ costs: { draw: { price: 1, failed: amount } } })],
    ['costs.draw.unknown', (amount) => ({ costs: { draw: { price: 1, unknown: amount } } })],
    ['costs.draw.max', (amount) => ({ costs: { draw: { price: () => 1, max: amount } } })],
    ['costs.tts.max', (amount) => ({ costs: { tts: { max: amount, metered: { meta: 'cost' } } } })],
    ['costs.tts.failed', (amount) => ({ costs: { tts: { max: 5, metered: { meta: 'cost' }, failed: amount } } })],
    [
      'costs.tts.creditsPerUnit',
      (amount) => ({ costs: { tts: { max: 5, metered: { meta: 'cost' }, creditsPerUnit: amount } } }),
    ],
  ]
  const wrong: Array<[string, unknown, string]> = [
    ['negative', -1, '`-1`'],
    ['a fraction [L-S17]', 0.5, '`0.5`'],
    ['NaN', Number.NaN, '`NaN`'],
    ['infinite', Number.POSITIVE_INFINITY, '`Infinity`'],
    ['beyond every number', JSON.parse('1e309'), '`Infinity`'],
    ['beyond 2^53−1', 2 ** 53, '`9007199254740992`'],
    ['text', '5', '"5" (string)'],
    ['a bigint', 5n, 'a bigint'],
    ['null', null, 'null'],
    ['true', true, '`true`'],
  ]
  const rows = places.flatMap(([path, options]) =>
    wrong.map(([what, amount, got]) => ({ path, options, what, amount, got })),
  )

  test.each(rows)('is refused at $path when it is $what [T18]', ({ path, options, amount, got }) => {
    const error = errorOf(options(amount))
    expect(error.code).toBe('invalid_credits')
    expect(error.message).toContain(`\`${path}\``)
    expect(error.message).toContain(got)
  })

  test.each(places)('is accepted at %s from 1 to 2^53−1 [T18]', (_, options) => {
    for (const amount of [1, 2 ** 53 - 1]) expect(() => compileCostProfile(options(amount) as never)).not.toThrow()
  })

  test('is kept as 0 when it is written -0 [T18]', () => {
    const match = compileCostProfile({ costs: { search: -0 } }).find('search')
    expect(match.kind === 'priced' && Object.is(match.credits, 0)).toBe(true)
  })
})

describe('the options', () => {
  const schema = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } }
  const without = 'unpriced` without `defaultCost'
  const beside = 'unpriced` beside `defaultCost'
  test.each<[string, unknown, string, string]>([
    ['are missing', undefined, 'options', '`undefined`'],
    ['have an unknown key', { defualtCost: 5 }, 'options', '"defualtCost"'],
    ['misspell how to treat unpriced tools', { unpriced: 'Deny' }, 'unpriced', '"Deny"'],
    ['allow unpriced tools', { unpriced: 'allow' }, 'unpriced', '"allow"'],
    ['want a default that is not there [L-P13]', { unpriced: 'default' }, without, '"default"'],
    [
      'want a default of one server for all',
      { unpriced: 'default', servers: { a: { defaultCost: 1 } } },
      without,
      '"default"',
    ],
    ['have a default and deny [L-P13]', { unpriced: 'deny', defaultCost: 5 }, beside, '"deny"'],
    ['have a default and observe [L-P13]', { unpriced: 'observe', defaultCost: 5 }, beside, '"observe"'],
    ['have a default and a misspelt choice', { unpriced: 'Default', defaultCost: 5 }, beside, '"Default"'],
    ['have a number as a version', { version: 3 }, 'version', '`3`'],
    ['have an empty version', { version: '' }, 'version', '""'],
    ['have no time for a price', { priceTimeoutMs: 0 }, 'priceTimeoutMs', '`0`'],
    ['have a fraction of time for a price', { priceTimeoutMs: 0.5 }, 'priceTimeoutMs', '`0.5`'],
    ['have endless time for a price', { priceTimeoutMs: Infinity }, 'priceTimeoutMs', '`Infinity`'],
    ['have something else as a clock', { clock: Date }, 'clock', 'a function'],
    ['have no clock', { clock: null }, 'clock', 'null'],
    ['have something else as events', { events: {} }, 'events', 'an object'],
    ['have no events', { events: null }, 'events', 'null'],
    ['have an array of prices', { costs: [5] }, 'costs', 'an array'],
    ['have a Map of prices', { costs: new Map([['search', 5]]) }, 'costs', 'an instance of a class'],
    ['have an empty pattern', { costs: { '': 5 } }, 'costs[""]', '""'],
    ['have a pattern with a star in the middle', { costs: { 'a*b': 5 } }, 'costs.a*b', '"a*b"'],
    ['have a pattern with two stars', { costs: { 'a**': 5 } }, 'costs.a**', '"a**"'],
    ['have an array of servers', { servers: [] }, 'servers', 'an array'],
    ['have a number as a server', { servers: { github: 5 } }, 'servers.github', '`5`'],
    ['have an unknown key in a server', { servers: { github: { unpriced: 'deny' } } }, 'servers.github', '"unpriced"'],
    ['have a wrong version of a server', { servers: { github: { version: 1 } } }, 'servers.github.version', '`1`'],
    [
      'have a wrong pattern in a server',
      { servers: { github: { costs: { '*x': 1 } } } },
      'servers.github.costs.*x',
      '"*x"',
    ],
    ['have an array as a rule', { costs: { a: [5] } }, 'costs.a', 'an array'],
    ['have an unknown key in a rule', { costs: { a: { price: 5, prise: 6 } } }, 'costs.a', '"prise"'],
    ['have an error price', { costs: { a: { price: 5, errorCost: 6 } } }, 'costs.a', '"errorCost"'],
    ['have a maximum of a fixed price', { costs: { a: { price: 5, max: 6 } } }, 'costs.a.price', '`5`'],
    ['have a schema for a fixed price', { costs: { a: { price: 5, schema } } }, 'costs.a.price', '`5`'],
    [
      'have a schema for a fixed hold',
      { costs: { a: { max: 5, metered: { meta: 'k' }, schema } } },
      'costs.a.max',
      '`5`',
    ],
    [
      'have something else as a schema',
      { costs: { a: { price: () => 1, schema: {} } } },
      'costs.a.schema',
      'an object',
    ],
    ['have no schema', { costs: { a: { price: () => 1, schema: null } } }, 'costs.a.schema', 'null'],
    ['meter and price at once', { costs: { a: { price: 5, max: 5, metered: { meta: 'k' } } } }, 'costs.a', '"price"'],
    ['meter by a text', { costs: { a: { max: 5, metered: '/usage' } } }, 'costs.a.metered', '"/usage"'],
    ['meter by nothing', { costs: { a: { max: 5, metered: undefined } } }, 'costs.a.metered', '`undefined`'],
    ['meter by no place', { costs: { a: { max: 5, metered: {} } } }, 'costs.a.metered', 'none of them'],
    ['meter by an unknown place', { costs: { a: { max: 5, metered: { path: '/a' } } } }, 'costs.a.metered', '"path"'],
    ['meter by an empty key', { costs: { a: { max: 5, metered: { meta: '' } } } }, 'costs.a.metered.meta', '""'],
    [
      'meter by a pointer without a slash',
      { costs: { a: { max: 5, metered: { pointer: 'usage' } } } },
      'costs.a.metered.pointer',
      '"usage"',
    ],
    [
      'meter by the whole result',
      { costs: { a: { max: 5, metered: { pointer: '' } } } },
      'costs.a.metered.pointer',
      '""',
    ],
    [
      'meter by a pointer with a wrong escape',
      { costs: { a: { max: 5, metered: { pointer: '/a~2' } } } },
      'costs.a.metered.pointer',
      '"/a~2"',
    ],
    ['meter by no function', { costs: { a: { max: 5, metered: { from: '/a' } } } }, 'costs.a.metered.from', '"/a"'],
    [
      'meter in two ways',
      { costs: { a: { max: 5, metered: { from: () => 1, pointer: '/a' } } } },
      'costs.a.metered',
      'both',
    ],
    [
      'meter in a unit of nothing',
      { costs: { a: { max: 5, metered: { meta: 'k' }, creditsPerUnit: 0 } } },
      'costs.a.creditsPerUnit',
      '`0`',
    ],
  ])('are refused when they %s', (_, options, path, got) => {
    const error = errorOf(options)
    expect(error.code).toBe('invalid_config')
    expect(error.message).toContain(`\`${path}\``)
    expect(error.message).toContain(got)
  })

  test.each<[string, unknown]>([
    ['no price', undefined],
    ['an object without a price', {}],
    ['a metered rule without a maximum', { metered: { meta: 'k' } }],
  ])('are refused when a rule is %s', (_, rule) => {
    expect(errorOf({ costs: { a: rule } }).code).toBe('invalid_credits')
  })

  test('may leave out everything, and then every tool is unpriced', () => {
    const profile = compileCostProfile({})
    expect(profile.unpriced).toBe('deny')
    expect(profile.find('search')).toEqual({ kind: 'unpriced' })
  })

  test('may be without a prototype', () => {
    const options = Object.assign(Object.create(null) as object, { defaultCost: 5 })
    expect(compileCostProfile(options).unpriced).toBe('default')
  })

  test('may take a function as a schema', () => {
    const rule = { price: () => 1, schema: Object.assign(() => true, schema) }
    expect(() => compileCostProfile({ costs: { a: rule as never } })).not.toThrow()
  })
})

describe('options that make no sense', () => {
  const schema = { '~standard': { version: 1, vendor: 'test' } }
  const usable = { '~standard': { version: 1, vendor: 'test', validate: () => ({ value: 1 }) } }
  const long = 'x'.repeat(200)
  const sentences: ReadonlyArray<readonly [object, string]> = [
    [
      { costs: { a: { price: () => 1, schema } } },
      '`costs.a.schema` to be a schema of Standard Schema v1, got an object',
    ],
    [
      { costs: { a: { price: 5, schema: usable } } },
      '`costs.a.price` to be a function beside `schema` or `max`, got `5`',
    ],
    [{ costs: { a: { price: 5, max: 5 } } }, '`costs.a.price` to be a function beside `schema` or `max`, got `5`'],
    [
      { unpriced: 'default' },
      '`unpriced` without `defaultCost` to be one of "deny", "observe", got "default" (string)',
    ],
    [
      { defaultCost: 5, unpriced: 'deny' },
      '`unpriced` beside `defaultCost` to be one of "default", got "deny" (string)',
    ],
    [{ defaultCost: 5, clock: {} }, '`clock` to be an object with `after`, got an object'],
    [{ defaultCost: 5, events: {} }, '`events` to be an object with `emit`, got an object'],
    [{ defaultCost: 5, version: '' }, '`version` to be a text, got "" (string)'],
    [{ costs: { 'a*b': 5 } }, "`costs.a*b` to be a tool's name, `*`, or letters, digits, _ . - or / with one"],
    [
      { costs: { a: { max: 5, metered: { pointer: 'x' } } } },
      '`costs.a.metered.pointer` to be a JSON pointer such as `/usage/credits`, got "x" (string)',
    ],
    [
      { costs: { a: { max: 5, metered: { pointer: 7 } } } },
      '`costs.a.metered.pointer` to be a JSON pointer such as `/usage/credits`, got `7`',
    ],
    [
      { costs: { a: { max: 5, metered: { meta: 'k' }, creditsPerUnit: 0 } } },
      '`costs.a.creditsPerUnit` to be an integer from 1 up, got `0`',
    ],
    [
      { costs: { a: { max: 5, metered: { from: 'x' } } } },
      '`costs.a.metered.from` to be a function of the result, got "x" (string)',
    ],
    [{ costs: { a: { max: 5, metered: {} } } }, 'or with `from`, got none of them'],
    [{ costs: { a: { max: 5, metered: { meta: 'k', from: () => 1 } } } }, 'or with `from`, got all'],
  ]
  test.each(sentences)('are met with what was expected and what came: %j', (options, sentence) => {
    expect(errorOf(options).message).toContain(`${sentence.startsWith('`') ? 'Expected ' : ''}${sentence}`)
  })

  test('are named in bounded length, however long their keys are', () => {
    expect(errorOf({ costs: { [long]: -1 } }).message).toContain(`\`costs["${'x'.repeat(128)}"]\``)
  })
})
