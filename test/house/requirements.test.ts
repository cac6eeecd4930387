import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { enforcerConformance, FakeClock } from 'mcp-budget/testing'
import { InMemoryBudgetEnforcer } from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { citationsOf, idsIn, type Citation } from './citations.js'
import { delivered, requirements } from '../requirements.js'
import { sourceFiles } from './imports.js'

const files = sourceFiles('test').filter((file) => /\.test(?:-d)?\.ts$/.test(file) && !file.startsWith('house/req'))
const inTests = files.flatMap((file) => citationsOf(`test/${file}`, readFileSync(join('test', file), 'utf8')))
// The kit's cases are data: their names are read from it.
const kit = enforcerConformance({ create: () => new InMemoryBudgetEnforcer({ clock: new FakeClock() }) })
const inKit = kit.flatMap(({ name }): Citation[] =>
  idsIn(name).map((id) => ({ id, at: 'the conformance kit', title: name })),
)
const citations = [...inTests, ...inKit]

describe('the requirements', () => {
  test('that are delivered are each cited by a test', () => {
    const cited = new Set(citations.map(({ id }) => id))
    const missing = Object.entries(requirements)
      .filter(([id, { owedBy }]) => !id.startsWith('P') && owedBy.some((milestone) => delivered.includes(milestone)))
      .filter(([id]) => !cited.has(id))
      .map(([id, { text }]) => `${id}: ${text}`)
    expect(missing).toEqual([])
  })

  test('that tests cite exist', () => {
    expect(citations.filter(({ id }) => !Object.hasOwn(requirements, id))).toEqual([])
  })

  test('say in one line what is wanted', () => {
    const unclear = Object.entries(requirements).filter(([, { text }]) => !/^[^\n]{10,}[^.\n]$/.test(text))
    expect(unclear).toEqual([])
  })

  test.each([
    ['T', (n: number) => `T${String(n).padStart(2, '0')}`, 56],
    ['L-S', (n: number) => `L-S${n}`, 56],
    ['L-P', (n: number) => `L-P${n}`, 30],
    ['I', (n: number) => `I${n}`, 21],
    ['R', (n: number) => `R${n}`, 5],
    ['P', (n: number) => `P${n}`, 15],
  ] as const)('of the series %s are all there', (_series, idOf, count) => {
    const ids = Array.from({ length: count }, (_, i) => idOf(i + 1))
    expect(ids.filter((id) => !Object.hasOwn(requirements, id))).toEqual([])
    expect(Object.hasOwn(requirements, idOf(count + 1))).toBe(false)
  })
})

describe('the reader of citations', () => {
  const ids = (code: string): string[] => citationsOf('a.test.ts', code).map(({ id }) => id)

  test.each([
    [`test('charges once [I4]', () => {})`, ['I4']],
    [`describe('holds [I4, L-P6]', () => {})`, ['I4', 'L-P6']],
    [`test.each(rows)('%s [T17] [seed-003:four-verbs]', () => {})`, ['T17', 'seed-003:four-verbs']],
    ['test(`a ${fault} denies [I16] at ${step} [L-P19]`, () => {})', ['I16', 'L-P19']],
    [`const rows = [['a name [T23]', 1]]`, ['T23']],
    [`const rows = [{ name: 'a name [T23]' }]`, ['T23']],
    [`const rows = { 'a name [T23]': 1, 'another [T22]'() {} }`, ['T23', 'T22']],
    [`test('of nothing that there is [Z99]', () => {})`, ['Z99']],
  ])('finds what %s cites', (code, wanted) => {
    expect(ids(code)).toEqual(wanted)
  })

  test.each([
    `// test('charges once [I4]', () => {})`,
    `/* [I4] */ test('charges once', () => {})`,
    `expect(message).toBe('charges once [I4]')`,
    `const message = 'charges once [I4]'`,
    `test('reads rows[0] and [1] and [a, b]', () => {})`,
  ])('finds nothing in %s', (code) => {
    expect(ids(code)).toEqual([])
  })
})
