import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { allStores, answerOf, type StoreKind } from './stores.js'
import { FakeClock } from '../../../src/testing/index.js'
import { spoil, VALID } from '../../support/garbage.js'
import type { Verb } from '../../../src/testing/index.js'

const NONSENSE: readonly unknown[] = [
  undefined,
  null,
  -1,
  0.5,
  Number.NaN,
  Infinity,
  2 ** 53,
  true,
  '',
  '5',
  '__proto__',
  'x'.repeat(129),
  [],
  {},
  BigInt(5),
]

/** Text that is none: with a NUL, or half a character. */
const NO_TEXT = ['a\0b', '\ud800']

const kinds = allStores()

/** What stands in place of a request: the whole of it, or one part of it, is nonsense. */
function* spoiltRequests(args: readonly unknown[], nonsense: readonly unknown[]): Generator<readonly unknown[]> {
  for (const [index, arg] of args.entries())
    for (const value of nonsense) for (const spoilt of spoil(arg, value)) yield args.with(index, spoilt)
}

async function expectSameAnswers(
  verb: string,
  { among, nonsense }: { readonly among: readonly StoreKind[]; readonly nonsense: readonly unknown[] },
): Promise<void> {
  const opened = await Promise.all(among.map(async (kind) => ({ ...kind, ...(await kind.open(new FakeClock())) })))
  const differ: string[] = []
  const ask = async (asked: string, ...args: readonly unknown[]): Promise<void> => {
    const answers = await Promise.all(opened.map(({ store }) => answerOf(store, asked, args)))
    for (const [n, got] of answers.entries())
      if (!isSame(got, answers[0]))
        differ.push(`${opened[n]?.name}: ${asked}(${shown(args)}): ${shown(got)}, and in memory ${shown(answers[0])}`)
  }
  await ask('initialize', 'main', 1_000_000)
  await ask('initialize', 'other', 10)
  await ask('hold', { id: 'open', lines: [{ budget: 'main', amount: 5 }], ttlMs: 60_000, onExpire: 'release' })
  for (const given of spoiltRequests(VALID[verb as Verb], nonsense)) await ask(verb, ...given)
  for (const budget of ['main', 'other', 'fresh', 'child']) await ask('describe', budget)
  expect(differ).toEqual([])
  for (const { end } of opened) await end()
}

describe.each(Object.keys(VALID))('garbage in %s', (verb) => {
  test('gets the same answer from all four stores, and leaves the same balances [I14, I21, T18]', () =>
    expectSameAnswers(verb, { among: kinds, nonsense: NONSENSE }))

  // PostgreSQL refuses it, whatever it is for.
  test('that is no whole text gets the same answer from all that can keep it [I14, I21, T38]', () =>
    expectSameAnswers(verb, { among: kinds.filter(({ name }) => name !== 'PostgreSQL'), nonsense: NO_TEXT }))
})

// Where a request is no object at all, a store may throw what it likes.
function isSame(got: unknown, wanted: unknown): boolean {
  const codes = [codeOf(got), codeOf(wanted)]
  if (codes.includes('fault')) return !codes.includes(undefined)
  return isDeepStrictEqual(got, wanted)
}

function codeOf(answer: unknown): unknown {
  return (answer as { readonly throws?: unknown } | undefined)?.throws
}

function shown(value: unknown): string {
  const texts = (_: string, part: unknown): unknown =>
    typeof part === 'bigint' || typeof part === 'number' || part === undefined ? `‹${String(part)}›` : part
  return JSON.stringify(value, texts)
}
