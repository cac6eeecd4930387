import { describe, expect, test } from 'vitest'
import { BudgetError } from '../../../src/core/errors.js'
import { foldName, isPlainName, parsePattern } from '../../../src/pricing/pattern.js'
import { PrefixTrie } from '../../../src/pricing/prefix-trie.js'

describe('parsePattern', () => {
  test.each([
    ['a name', 'web_search', { kind: 'exact', name: 'web_search' }],
    ['a name that patterns could not match', 'suche für alle', { kind: 'exact', name: 'suche für alle' }],
    ['a prefix', 'gpt4_*', { kind: 'wildcard', prefix: 'gpt4_' }],
    ['a prefix of one character', '/*', { kind: 'wildcard', prefix: '/' }],
    ['the longest prefix', `${'a'.repeat(127)}*`, { kind: 'wildcard', prefix: 'a'.repeat(127) }],
    ['a star alone', '*', { kind: 'catch-all' }],
  ])('reads %s', (_, key, pattern) => {
    expect(parsePattern(key, 'costs.x')).toEqual(pattern)
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
    const read = (): unknown => parsePattern(key, 'costs.here')
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
    ['a sharp s', 'STRASSE', foldName('straße')],
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

describe('PrefixTrie', () => {
  function trieOf(...prefixes: string[]): PrefixTrie<string> {
    const trie = new PrefixTrie<string>()
    for (const prefix of prefixes) trie.at(prefix, () => prefix)
    return trie
  }

  test('finds the longest of several prefixes', () => {
    const trie = trieOf('a', 'abc', 'abd', 'b')
    const found = ['a', 'ab', 'abc', 'abcd', 'abd', 'abx', 'b', 'c', ''].map((text) => trie.longest(text))
    expect(found).toEqual(['a', 'a', 'abc', 'abc', 'abd', 'a', 'b', undefined, undefined])
  })

  test('makes the value of a prefix once', () => {
    const trie = trieOf('ab')
    expect(trie.at('ab', () => 'another')).toBe('ab')
    expect(trie.longest('abc')).toBe('ab')
  })

  test('reads no further than the longest prefix goes, however long the name is [T22]', () => {
    const trie = trieOf('aaaa', 'aaaaaaaa', 'ab')
    let read = 0
    const endless = { length: 1_000_000, charCodeAt: () => (read++, 'a'.charCodeAt(0)) }
    expect(trie.longest(endless as unknown as string)).toBe('aaaaaaaa')
    expect(read).toBe(9)
  })

  test('reads as many characters with 10,000 prefixes as with one [T22]', () => {
    const others = Array.from({ length: 10_000 }, (_, i) => `aa${i.toString(36)}_`)
    const reads = [trieOf('aaaa_'), trieOf('aaaa_', ...others)].map((trie) => {
      let read = 0
      const text = 'aaaa_tool'
      const counted = { length: text.length, charCodeAt: (i: number) => (read++, text.charCodeAt(i)) }
      expect(trie.longest(counted as unknown as string)).toBe('aaaa_')
      return read
    })
    expect(reads[0]).toBe(reads[1])
  })
})
