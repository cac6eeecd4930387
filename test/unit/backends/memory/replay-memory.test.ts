import { describe, expect, test } from 'vitest'
import { ReplayMemory } from '../../../../src/backends/memory/replay-memory.js'

/** Asks, and says whether the answer was made now or remembered. */
function asker() {
  const memory = new ReplayMemory<string>()
  return (id: string, at = 0): string => {
    const known = memory.get(id)
    if (known !== undefined) return known
    memory.set(id, `${id} at ${at}`, at)
    return `made: ${id} at ${at}`
  }
}

describe('the memory of replays', () => {
  test('keeps an answer for ten minutes at least, and not beyond twenty when others come [L-P8] [L-P23]', () => {
    const ask = asker()
    ask('a', 1_000)
    ask('b', 600_999)
    ask('c', 601_000)
    expect(ask('a', 1_200_999)).toBe('a at 1000')
    expect(ask('b', 1_200_999)).toBe('b at 600999')
    ask('d', 1_201_000)
    expect(ask('a', 1_201_000)).toBe('made: a at 1201000')
    expect(ask('c', 1_201_000)).toBe('c at 601000')
  })

  test('keeps the last 100,000 at least and 200,000 at most [I20] [L-P23]', () => {
    const ask = asker()
    for (let n = 0; n < 250_000; n++) ask(`id-${n}`)
    expect(ask('id-150000')).toBe('id-150000 at 0')
    expect(ask('id-100000')).toBe('id-100000 at 0')
    expect(ask('id-99999')).toBe('made: id-99999 at 0')
  })

  test('keeps answers whatever the order of their ids [I5] [L-P8]', () => {
    const ask = asker()
    const ids = ['b', 'aa', 'a', 'ab', 'c', 'aaa', 'bb', '']
    for (const id of ids) expect(ask(id)).toBe(`made: ${id} at 0`)
    for (const id of ids) expect(ask(id)).toBe(`${id} at 0`)
  })

  test('keeps ids that are keys of every object apart [T17]', () => {
    const ask = asker()
    expect(ask('__proto__')).toBe('made: __proto__ at 0')
    expect(ask('constructor')).toBe('made: constructor at 0')
    expect(ask('__proto__')).toBe('__proto__ at 0')
  })
})
