import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { compileCostProfile, type CostProfile } from '../../../src/pricing/cost-profile.js'
import { foldName, isPlainName } from '../../../src/core/pattern.js'
import { MEMO_NAMES } from '../../../src/pricing/price-list.js'
import { Prefixes } from '../../../src/core/prefixes.js'
import type { PriceRule } from '../../../src/pricing/price-rule.js'

/** What a profile says of a name, in one word or two. */
function say(profile: CostProfile, tool: string, server?: string): string {
  const match = profile.find(tool, server)
  if (match.kind === 'priced') return `${match.credits} by ${match.source.rule} ${match.source.pattern}`
  return match.kind === 'ambiguous' ? `like ${match.like}` : match.kind
}

describe('the order of rules', () => {
  const profile = compileCostProfile({
    defaultCost: 5,
    costs: {
      web_search: 6,
      gpt4_summarize: 24,
      'gpt4_*': 25,
      'gpt4_mini_*': 7,
      'gpt*': 9,
      dalle_generate: 50,
      free: 0,
    },
  })

  test.each([
    ['an exact name', 'web_search', '6 by exact web_search'],
    ['an exact name before a wildcard', 'gpt4_summarize', '24 by exact gpt4_summarize'],
    ['a wildcard', 'gpt4_analyze', '25 by wildcard gpt4_*'],
    ['the longest wildcard', 'gpt4_mini_chat', '7 by wildcard gpt4_mini_*'],
    ['a shorter wildcard where no longer one matches', 'gpt5', '9 by wildcard gpt*'],
    ['a wildcard that matches nothing more than its prefix', 'gpt4_', '25 by wildcard gpt4_*'],
    ['a price of 0', 'free', '0 by exact free'],
    ['the default', 'read_file', '5 by default defaultCost'],
    ['the default where a name only contains a prefix', 'my_gpt4_tool', '5 by default defaultCost'],
  ])('prices by %s [seed-003:resolution-order]', (_, tool, said) => {
    expect(say(profile, tool)).toBe(said)
  })

  test('prices by the catch-all before the default [seed-003:resolution-order]', () => {
    const both = compileCostProfile({ defaultCost: 5, costs: { 'gpt4_*': 25, '*': 3 } })
    expect(say(both, 'read_file')).toBe('3 by catch-all *')
    expect(say(both, 'gpt4_x')).toBe('25 by wildcard gpt4_*')
  })

  test('does not depend on the order in which rules are written [seed-003:resolution-order]', () => {
    const reversed = compileCostProfile({ costs: { '*': 3, 'a*': 1, 'ab*': 2, abc: 4 }, defaultCost: 5 })
    expect(['abc', 'abx', 'ax', 'x'].map((tool) => say(reversed, tool))).toEqual([
      '4 by exact abc',
      '2 by wildcard ab*',
      '1 by wildcard a*',
      '3 by catch-all *',
    ])
  })

  test('leaves a tool without any rule unpriced', () => {
    expect(say(compileCostProfile({ costs: { web_search: 5 } }), 'read_file')).toBe('unpriced')
  })

  test('keeps the rules as they were when the options change later', () => {
    const costs: Record<string, number> = { web_search: 5 }
    const profile = compileCostProfile({ costs })
    costs['web_search'] = 0
    costs['read_file'] = 0
    expect(say(profile, 'web_search')).toBe('5 by exact web_search')
    expect(say(profile, 'read_file')).toBe('unpriced')
  })
})

describe('names that every object has', () => {
  const INHERITED = [
    'constructor',
    'toString',
    'hasOwnProperty',
    'valueOf',
    '__proto__',
    '__defineGetter__',
    'prototype',
  ]

  test.each(INHERITED)('prices a tool named %s by the default [T17]', (tool) => {
    const profile = compileCostProfile({ defaultCost: 5, costs: { web_search: 6, 'gpt4_*': 25 } })
    expect(say(profile, tool)).toBe('5 by default defaultCost')
  })

  test.each(INHERITED)('leaves a tool named %s unpriced without a default [T17]', (tool) => {
    const profile = compileCostProfile({ costs: { web_search: 6 }, servers: { github: { costs: { a: 1 } } } })
    expect(say(profile, tool)).toBe('unpriced')
    expect(say(profile, tool, 'github')).toBe('unpriced')
    expect(say(profile, 'a', tool)).toBe('unpriced')
  })

  test.each(INHERITED)('prices a tool named %s by a rule of its own [T17]', (tool) => {
    const costs = JSON.parse(`{ "${tool}": 7 }`) as Record<string, number>
    const servers = JSON.parse(`{ "${tool}": { "defaultCost": 8 } }`) as Record<string, { defaultCost: number }>
    const profile = compileCostProfile({ defaultCost: 5, costs, servers })
    expect(say(profile, tool)).toBe(`7 by exact ${tool}`)
    expect(say(profile, 'x', tool)).toBe('8 by default defaultCost')
  })

  test('ignores prices that a list inherits [T17]', () => {
    const costs = Object.create(null) as Record<string, number>
    costs['web_search'] = 6
    const polluted = JSON.parse('{ "a": 1 }') as Record<string, number>
    expect(say(compileCostProfile({ costs }), 'web_search')).toBe('6 by exact web_search')
    expect(() => compileCostProfile({ costs: Object.create(polluted) as typeof costs })).toThrow('plain object')
  })
})

describe('names that look like priced ones', () => {
  const profile = compileCostProfile({
    defaultCost: 1,
    costs: { place_order: 50, 'gpt4_*': 25, Kelvin: 9, '*': 2, 'naïve tool': 8 },
  })

  test.each([
    ['letter case', 'Place_Order'],
    ['capitals', 'PLACE_ORDER'],
    ['a space behind', 'place_order '],
    ['a line break before', '\nplace_order'],
    ['a zero-width space', 'place\u200b_order'],
    ['a soft hyphen', 'place_\u00adorder'],
    ['full width', 'ｐｌａｃｅ_order'],
    ['a NUL', 'place_order\0'],
    ['a NUL inside', 'place\0_order'],
    ['a writing direction', '\u202eplace_order'],
    ['a variation selector', 'place_order\ufe0f'],
  ])('finds a name ambiguous that differs by %s [T23] [L-S21]', (_, tool) => {
    expect(say(profile, tool)).toBe('like place_order')
  })

  test.each([
    ['the Kelvin sign', '\u212aelvin', 'Kelvin'],
    ['letter case where the rule has capitals', 'kelvin', 'Kelvin'],
    ['letter case where the rule is no plain name', 'Naïve Tool', 'naïve tool'],
    ['a composed letter', 'nai\u0308ve tool', 'naïve tool'],
  ])('finds a name ambiguous that differs by %s [T23] [L-S21]', (_, tool, like) => {
    expect(say(profile, tool)).toBe(`like ${like}`)
  })

  test.each([
    ['letter case', 'GPT4_turbo'],
    ['a space before', ' gpt4_turbo'],
    ['a NUL behind', 'gpt4_turbo\0'],
    ['a character that patterns do not match', 'gpt4_türbo'],
    ['full width', 'ｇｐｔ４＿turbo'],
    ['its length', `gpt4_${'x'.repeat(128)}`],
  ])('finds a name ambiguous that begins like a wildcard but for %s [T23]', (_, tool) => {
    expect(say(profile, tool)).toBe('like gpt4_*')
  })

  test('prices the very name of a rule, whatever characters it has [T23]', () => {
    expect(say(profile, 'place_order')).toBe('50 by exact place_order')
    expect(say(profile, 'naïve tool')).toBe('8 by exact naïve tool')
  })

  test('prices names that have rules of their own, however alike they are [T23]', () => {
    const alike = compileCostProfile({ costs: { 'a*': 1, 'A*': 2, order: 3, Order: 4, 'order ': 5 } })
    expect(['ab', 'AB', 'order', 'Order', 'order '].map((tool) => say(alike, tool))).toEqual([
      '1 by wildcard a*',
      '2 by wildcard A*',
      '3 by exact order',
      '4 by exact Order',
      '5 by exact order ',
    ])
    expect(say(alike, 'ORDER')).toMatch(/^like /)
  })

  test('lets no shorter wildcard price a name that a longer one matches in another letter case [T23]', () => {
    const cheap = compileCostProfile({ costs: { 'G*': 1, 'gpt4_*': 25 } })
    expect(say(cheap, 'GPT4_turbo')).toBe('like gpt4_*')
    expect(say(cheap, 'Grep')).toBe('1 by wildcard G*')
  })

  test('lets no wildcard price a name that is an exact one in another letter case [T23]', () => {
    expect(say(compileCostProfile({ costs: { place_order: 50, 'Place_*': 1 } }), 'Place_Order')).toBe(
      'like place_order',
    )
  })

  test.each([
    ['a space inside', 'some tool'],
    ['a letter beyond ASCII', 'größe'],
    ['a NUL', 'tool\0'],
    ['no character at all', ''],
    ['too many characters', 'x'.repeat(129)],
  ])('prices a name with %s by the default and never by a catch-all [T23]', (_, tool) => {
    expect(say(profile, tool)).toBe('1 by default defaultCost')
    expect(say(compileCostProfile({ costs: { '*': 2 } }), tool)).toBe('unpriced')
  })

  test('finds a name ambiguous that is too long to be compared, without reading it [T22] [T23]', () => {
    const normalize = vi.spyOn(String.prototype, 'normalize')
    try {
      expect(profile.find('x'.repeat(1_025))).toEqual({ kind: 'ambiguous', like: undefined })
      expect(profile.find(`a${'\u0301\u0316'.repeat(500_000)}`)).toEqual({ kind: 'ambiguous', like: undefined })
      expect(normalize).not.toHaveBeenCalled()
      expect(say(profile, `${'é'.repeat(1_024)}`)).toBe('1 by default defaultCost')
      expect(normalize).toHaveBeenCalled()
    } finally {
      normalize.mockRestore()
    }
  })
})

describe('prices of single servers', () => {
  const profile = compileCostProfile({
    costs: { search: 5, 'gh_*': 4 },
    version: 'general-1',
    servers: {
      github: { costs: { search: 2, 'create_*': 7 }, version: 'github-9' },
      files: { defaultCost: 1 },
    },
  })

  test.each([
    ['by its list', 'search', 'github', '2 by exact search'],
    ['by its wildcards', 'create_issue', 'github', '7 by wildcard create_*'],
    ['by the general list where its own has no price', 'gh_auth', 'github', '4 by wildcard gh_*'],
    ['by its default before the general list', 'search', 'files', '1 by default defaultCost'],
    ['by the general list where it has no list', 'search', 'web', '5 by exact search'],
    ['not at all where neither list has a price', 'other', 'github', 'unpriced'],
  ])('price a tool %s', (_, tool, server, said) => {
    expect(say(profile, tool, server)).toBe(said)
  })

  test('do not count for a call whose server has no name', () => {
    expect(say(profile, 'search')).toBe('5 by exact search')
    expect(say(profile, 'create_issue')).toBe('unpriced')
  })

  test('make a name ambiguous before the general list can price it [T23]', () => {
    expect(say(profile, 'Create_issue', 'github')).toBe('like create_*')
  })

  test('stand in the source of a price with the server and the version [L-P29]', () => {
    const sourceOf = (tool: string, server?: string): unknown => {
      const match = profile.find(tool, server)
      return match.kind === 'priced' ? match.source : match
    }
    expect(sourceOf('search', 'github')).toEqual({
      rule: 'exact',
      pattern: 'search',
      server: 'github',
      version: 'github-9',
    })
    expect(sourceOf('x', 'files')).toEqual({
      rule: 'default',
      pattern: 'defaultCost',
      server: 'files',
      version: 'general-1',
    })
    expect(sourceOf('gh_auth', 'github')).toEqual({
      rule: 'wildcard',
      pattern: 'gh_*',
      server: undefined,
      version: 'general-1',
    })
  })
})

describe('what is known of a price before any call', () => {
  test.each<[string, PriceRule, number | undefined, number | undefined]>([
    ['a fixed price', 10, 10, 10],
    ['a fixed price by outcome', { price: 10, failed: 20 }, 10, 20],
    ['a function', () => 1, undefined, undefined],
    ['a function with a maximum', { price: () => 1, max: 50 }, undefined, 50],
    ['a function with a maximum by outcome', { price: () => 1, max: 50, unknown: 60 }, undefined, 60],
    ['a metered price', { max: 50, metered: { meta: 'cost' } }, undefined, 50],
    ['a metered price with a computed hold', { max: () => 50, metered: { meta: 'cost' } }, undefined, undefined],
  ])('is right for %s', (_, rule, credits, max) => {
    expect(compileCostProfile({ defaultCost: rule }).find('tool')).toMatchObject({ kind: 'priced', credits, max })
  })
})

/** The rules of lookup, in the plainest way: every rule is looked at. */
function naively(costs: Record<string, number>, defaultCost: number | undefined, tool: string): string {
  const keys = Object.keys(costs)
  const exact = keys.filter((key) => !key.endsWith('*'))
  if (exact.includes(tool)) return `${costs[tool]} by exact ${tool}`
  const folded = foldName(tool)
  if (exact.some((key) => foldName(key) === folded)) return 'ambiguous'
  const prefixes = keys.filter((key) => key.endsWith('*') && key !== '*').map((key) => key.slice(0, -1))
  const candidates = prefixes.filter((prefix) => folded.startsWith(prefix.toLowerCase()))
  const longest = Math.max(0, ...candidates.map((prefix) => prefix.length))
  if (longest > 0) {
    const prefix = candidates.find((prefix) => prefix.length === longest && tool.startsWith(prefix))
    return prefix !== undefined && isPlainName(tool) ? `${costs[`${prefix}*`]} by wildcard ${prefix}*` : 'ambiguous'
  }
  if (Object.hasOwn(costs, '*') && isPlainName(tool)) return `${costs['*']} by catch-all *`
  return defaultCost === undefined ? 'unpriced' : `${defaultCost} by default defaultCost`
}

describe('the compiled list', () => {
  const plain = fc.string({ unit: fc.constantFrom('a', 'A', 'b', '_'), minLength: 1, maxLength: 5 })
  const odd = fc.string({
    unit: fc.constantFrom('a', 'A', 'ａ', 'b', ' ', '\0', 'é', '\u200b'),
    minLength: 0,
    maxLength: 5,
  })
  const key = fc.oneof(
    plain,
    odd.filter((name) => name !== ''),
    plain.map((prefix) => `${prefix}*`),
    fc.constant('*'),
    fc.constantFrom('constructor', 'toString'),
  )
  const list = fc.record({
    costs: fc.dictionary(key, fc.nat(100), { maxKeys: 12 }),
    defaultCost: fc.option(fc.nat(100), { nil: undefined }),
  })
  const name = fc.oneof(plain, odd, fc.constantFrom('constructor', 'toString', '__proto__'))

  const compiled = ({ costs, defaultCost }: { costs: Record<string, number>; defaultCost: number | undefined }) =>
    compileCostProfile(defaultCost === undefined ? { costs } : { costs, defaultCost })

  test('answers as a search through all rules does [seed-003:resolution-order]', () => {
    fc.assert(
      fc.property(list, fc.array(name, { minLength: 1, maxLength: 20 }), (list, names) => {
        const profile = compiled(list)
        for (const tool of names) {
          const said = say(profile, tool).replace(/^like .*$/s, 'ambiguous')
          expect(said).toBe(naively(list.costs, list.defaultCost, tool))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('answers the same again and again, with its memo as without', () => {
    fc.assert(
      fc.property(list, fc.array(name, { minLength: 1, maxLength: 30 }), (list, names) => {
        const used = compiled(list)
        for (const tool of [...names, ...names].reverse()) expect(say(used, tool)).toBe(say(compiled(list), tool))
      }),
      { numRuns: 100 },
    )
  })

  test('searches once for a name that comes again', () => {
    const search = vi.spyOn(Prefixes.prototype, 'longest')
    try {
      const profile = compileCostProfile({ defaultCost: 5, costs: { 'gpt4_*': 25 } })
      for (let i = 0; i < 10; i++) for (const tool of ['gpt4_x', 'read', 'GPT4_x']) profile.find(tool)
      expect(search).toHaveBeenCalledTimes(3)
    } finally {
      search.mockRestore()
    }
  })

  test('searches each time for a name that no pattern matches, and keeps none of them [T22]', () => {
    const search = vi.spyOn(Prefixes.prototype, 'longest')
    try {
      const profile = compileCostProfile({ defaultCost: 5, costs: { 'gpt4_*': 25 } })
      for (let i = 0; i < 3; i++)
        for (const tool of ['a b', 'é', 'x'.repeat(129), 'x'.repeat(2_000)]) profile.find(tool)
      // The longest one is not even read.
      expect(search).toHaveBeenCalledTimes(9)
    } finally {
      search.mockRestore()
    }
  })

  test('remembers so many names and no more [T22]', () => {
    const search = vi.spyOn(Prefixes.prototype, 'longest')
    try {
      const profile = compileCostProfile({ defaultCost: 5, costs: { 'gpt4_*': 25 } })
      const findAll = (): void => {
        for (let i = 0; i < 3 * MEMO_NAMES; i++) profile.find(`made_up_${i}`)
      }
      findAll()
      search.mockClear()
      findAll()
      expect(search.mock.calls.length).toBeGreaterThanOrEqual(2 * MEMO_NAMES)
    } finally {
      search.mockRestore()
    }
  })

  test('answers the same after thousands of made-up names', () => {
    const profile = compileCostProfile({ defaultCost: 5, costs: { 'gpt4_*': 25, place_order: 50 } })
    const names = ['gpt4_x', 'read', 'Place_Order', 'place_order', 'GPT4_x']
    const before = names.map((tool) => say(profile, tool))
    for (let i = 0; i < 3 * MEMO_NAMES; i++) profile.find(`made_up_${i}`)
    expect(names.map((tool) => say(profile, tool))).toEqual(before)
  })

  test('prices by each of 20,000 rules', () => {
    const costs: Record<string, number> = {}
    for (let i = 0; i < 10_000; i++) {
      costs[`tool_${i}`] = i
      costs[`family_${i}_*`] = i
    }
    const profile = compileCostProfile({ costs })
    for (let i = 0; i < 10_000; i += 7) {
      expect(say(profile, `tool_${i}`)).toBe(`${i} by exact tool_${i}`)
      expect(say(profile, `family_${i}_x`)).toBe(`${i} by wildcard family_${i}_*`)
    }
  })
})
