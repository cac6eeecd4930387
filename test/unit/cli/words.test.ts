import { describe, expect, test } from 'vitest'
import { amountOf } from '../../../src/cli/amount.js'
import { BUILT_IN } from '../../../src/delegation/caveats/kinds.js'
import { caveatInWords, WORDS } from '../../../src/cli/caveat-words.js'
import { columns, printable } from '../../../src/cli/columns.js'
import { momentOf, plural, whenOf } from '../../../src/cli/when.js'

const NOW = Date.parse('2026-11-27T12:00:00Z')

describe('a time', () => {
  test.each([
    ['90s', 'from now', '2026-11-27T12:01:30Z'],
    ['30m', 'ago', '2026-11-27T11:30:00Z'],
    ['12h', 'from now', '2026-11-28T00:00:00Z'],
    ['7d', 'ago', '2026-11-20T12:00:00Z'],
    ['2026-12-01', 'ago', '2026-12-01T00:00:00Z'],
    ['2026-12-01T08:00Z', 'ago', '2026-12-01T08:00:00Z'],
    ['2026-12-01T08:00:30.5+02:00', 'from now', '2026-12-01T06:00:30.5Z'],
  ] as const)('%s (%s) is %s', (typed, direction, wanted) => {
    expect(whenOf(typed, { what: 'it', now: NOW, direction })).toBe(Date.parse(wanted))
  })

  test.each(['', 'now', '0h', '-1h', '1.5h', '1w', '1795791168', '2026-13-01', '2026-12-01T08:00', '1 h'])(
    'is not "%s"',
    (typed) => {
      expect(() => whenOf(typed, { what: 'it', now: NOW, direction: 'ago' })).toThrow(
        'Expected it to be a time such as',
      )
    },
  )

  test.each([
    [NOW + 3_600_000, '2026-11-27T13:00:00Z (in 60 minutes)'],
    [NOW + 3_599_200, '2026-11-27T12:59:59.200Z (in 60 minutes)'],
    [NOW - 1_000, '2026-11-27T11:59:59Z (1 second ago)'],
    [NOW - 7_199_000, '2026-11-27T10:00:01Z (119 minutes ago)'],
    [NOW + 3 * 86_400_000, '2026-11-30T12:00:00Z (in 3 days)'],
    [2 ** 53 - 1, '9007199254740 seconds after 1970'],
  ])('%i reads %s', (time, wanted) => {
    expect(momentOf(time, NOW)).toBe(wanted)
  })
})

test.each([
  ['0', 0],
  ['1000', 1_000],
  ['9007199254740991', 9_007_199_254_740_991],
])('the amount %s is %i', (typed, wanted) => {
  expect(amountOf(typed)).toBe(wanted)
})

test('counts are told with the right word', () => {
  expect([plural(1, 'hold'), plural(0, 'hold'), plural(2, 'entry', 'entries')]).toEqual([
    '1 hold',
    '0 holds',
    '2 entries',
  ])
})

test('columns are as wide as they need, numbers to the right', () => {
  expect(
    columns([
      ['a', 1],
      ['long name', 1_000],
    ]),
  ).toEqual(['a             1', 'long name  1000'])
})

test('what could rewrite a terminal is shown as ?', () => {
  expect(printable('a\u001b[2Jb\r\nc\u202ed\u2028e\u0085f')).toBe('a?[2Jb??c?d?e?f')
})

describe('a caveat', () => {
  test('has words for every kind that there is', () => {
    expect(Object.keys(WORDS).sort()).toEqual(BUILT_IN.map(({ name }) => name).sort())
  })

  test.each([
    ['exp=1795791600', 'ends 2026-11-27T15:00:00Z (in 3 hours)'],
    ['exp=1795780799', 'ended 2026-11-27T11:59:59Z (1 second ago)'],
    ['nbf=1795791600', 'begins 2026-11-27T15:00:00Z (in 3 hours)'],
    ['ops=call,delegate', 'may call tools, delegate credits'],
    ['depth=0', 'its credits cannot be delegated'],
    ['depth=2', 'its credits may be delegated 2 times in a row'],
    ['max=100/OwJp7Z3Ot_ai', 'spends and delegates at most 100 credits in all'],
    ['call=5', 'at most 5 credits for one call'],
    ['calls=10/abc', 'at most 10 calls in all'],
    ['rate=10/60/abc', 'at most 10 calls in 60 seconds'],
    ['tool=search,db:*', 'only the tools search, db:*'],
    ['deny=rm', 'none of the tools rm'],
    ['aud=newsroom', 'only at the gateway newsroom'],
    ['arg={"op":"le","p":"/n","t":"img","v":4}', 'arguments of img: /n must be a number up to 4'],
    ['arg={"op":"only","t":"db_*","v":["a","b"]}', 'arguments of db_*: no others than a, b'],
    ['arg={oops', 'a gateway that does not know it refuses the token'],
    ['plan=gold', 'a gateway that does not know it refuses the token'],
    ['nonsense', 'a gateway that does not know it refuses the token'],
    ['constructor=1', 'a gateway that does not know it refuses the token'],
  ])('%s reads: %s', (text, wanted) => {
    expect(caveatInWords(text, NOW)).toBe(wanted)
  })
})
