import { describe, expect, test, vi } from 'vitest'
import { BudgetError } from '../../../src/core/errors.js'
import { foldName, isPlainName, patternKind } from '../../../src/core/pattern.js'
import { Prefixes } from '../../../src/core/prefixes.js'

describe('patternKind', () => {
  test.each([
    ['a name', 'web_search', 'exact'],
    ['a name that patterns could not match', 'suche für alle', 'exact'],
    ['a prefix', 'gpt4_*', 'wildcard'],
    ['a prefix of one character', '/*', 'wildcard'],
    ['the longest prefix', `${'a'.repeat(127)}*`, 'wildcard'],
    ['a star alone', '*', 'catch-all'],
  ])('reads %s', (_, key, pattern) => {
    expect(patternKind(key, 'costs.x')).toEqual(pattern)
  })

  test.each([
    ['an empty key', '', '""'],
    ['a star at the beginning', '*_search', '"*_search"'],
    ['a star in the middle', 'web*search', '"web*search"'],
    ['two stars at the end', 'web_**', '"web_**"'],
    ['stars alone', '**', '"**"'],
    ['many stars [T22]', '*a*a*a*a*a*a*a*a', '"*a*a*a*a*a*a*a*a"'],
    ['a prefix that no plain name begins with', 'web search*', '"web search*"'],
    ['a prefix longer than a plain name', `${'a'.repeat(128)}*`, 'a string of 129 characters'],
  ])('refuses %s', (_, key, got) => {
    const read = (): unknown => patternKind(key, 'costs.here')
    expect(read).toThrow(BudgetError)
    expect(read).toThrow(expect.objectContaining({ code: 'invalid_config' }))
    expect(read).toThrow('`costs.here`')
    expect(read).toThrow(got)
  })
})

describe('foldName', () => {
  test.each([
    ['letter case [L-S21]', 'Place_Order'],
    ['a space behind [L-S21]', 'place_order '],
    ['a space and a line break before', '\n place_order'],
    ['a no-break space behind', 'place_order\u00a0'],
    ['full-width letters [L-S21]', 'ｐｌａｃｅ＿ｏｒｄｅｒ'],
    ['mathematical letters', '𝐩𝐥𝐚𝐜𝐞_𝐨𝐫𝐝𝐞𝐫'],
    ['mathematical capitals', '𝐏𝐋𝐀𝐂𝐄_𝐎𝐑𝐃𝐄𝐑'],
    ['a zero-width space [L-S21]', 'place\u200b_order'],
    ['a zero-width joiner', 'place_\u200dorder'],
    ['a byte order mark', '\ufeffplace_order'],
    ['a soft hyphen', 'place_or\u00adder'],
    ['a writing direction', '\u202eplace_order\u202c'],
    ['a variation selector', 'place_order\ufe0f'],
    ['a combining grapheme joiner', 'pl\u034face_order'],
    ['a NUL [T23]', 'place_order\0'],
    ['another control character', 'place\u0007_order'],
    ['several of them at once', ' \u200bＰＬＡＣＥ\u00ad_ＯＲＤＥＲ\0 '],
  ])('overlooks %s', (_, name) => {
    expect(foldName(name)).toBe('place_order')
  })

  test.each([
    ['the Kelvin sign [L-S21]', '\u212aelvin', 'kelvin'],
    ['the long s', 'ſearch', 'search'],
    ['a ligature', 'ﬁnd', 'find'],
    ['a sharp s', 'straße', 'strasse'],
    ['a letter composed of two', 'cafe\u0301', foldName('CAFÉ')],
    ['the two small sigmas', 'ΟΔΟΣ', foldName('οδος')],
  ])('folds %s', (_, name, folded) => {
    expect(foldName(name)).toBe(folded)
  })

  test.each(['place-order', 'place_orders', 'place order', 'plаce_order' /* a Cyrillic а */])(
    'keeps %s apart',
    (name) => {
      expect(foldName(name)).not.toBe('place_order')
    },
  )
})

describe('isPlainName', () => {
  test.each([
    ['a', true],
    ['github/create-issue.v2_X9', true],
    ['a'.repeat(128), true],
    ['a'.repeat(129), false],
    ['', false],
    ['a b', false],
    ['a\n', false],
    ['a\0', false],
    ['é', false],
    ['a*', false],
  ])('judges %j', (name, plain) => {
    expect(isPlainName(name)).toBe(plain)
  })
})

describe('Prefixes', () => {
  function prefixesOf(...all: string[]): Prefixes<string> {
    const prefixes = new Prefixes<string>()
    for (const prefix of all) prefixes.at(prefix, () => prefix)
    return prefixes
  }

  /** How many beginnings of a name are looked up. */
  function lookups(prefixes: Prefixes<string>, text: string): number {
    const get = vi.spyOn(Map.prototype, 'get')
    try {
      prefixes.longest(text)
      return get.mock.calls.length
    } finally {
      get.mockRestore()
    }
  }

  test('finds the longest of several prefixes', () => {
    const prefixes = prefixesOf('a', 'abc', 'abd', 'b')
    const found = ['a', 'ab', 'abc', 'abcd', 'abd', 'abx', 'b', 'c', ''].map((text) => prefixes.longest(text))
    expect(found).toEqual(['a', 'a', 'abc', 'abc', 'abd', 'a', 'b', undefined, undefined])
  })

  test('makes the value of a prefix once', () => {
    const prefixes = prefixesOf('ab')
    expect(prefixes.at('ab', () => 'another')).toBe('ab')
    expect(prefixes.longest('abc')).toBe('ab')
  })

  test('reads no further than the longest prefix goes, however long the name is [T22]', () => {
    const prefixes = prefixesOf('aaaa', 'aaaaaaaa', 'ab')
    expect(prefixes.longest('a'.repeat(1_000_000))).toBe('aaaaaaaa')
    expect(lookups(prefixes, 'a'.repeat(1_000_000))).toBe(1)
    expect(lookups(prefixes, 'x'.repeat(1_000_000))).toBe(8)
  })

  test('looks up as often with 10,000 prefixes as with one [T22]', () => {
    const others = Array.from({ length: 10_000 }, (_, i) => `a${String(i).padStart(5, '0')}_`)
    for (const text of ['a_tool', 'a00001_tool', 'another_tool']) {
      expect(lookups(prefixesOf('a00001_', ...others), text)).toBe(lookups(prefixesOf('a00001_'), text))
    }
  })
})
