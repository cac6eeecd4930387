import { describe, expect, test } from 'vitest'
import { ConformanceError, enforcerConformance, FakeClock, fakeEnforcer } from '../../../src/testing/index.js'
import { InMemoryBudgetEnforcer } from '../../../src/backends/memory/in-memory-budget-enforcer.js'
import type { ConformanceCase, TestClock } from '../../../src/testing/index.js'

const memory = (clock: TestClock) => new InMemoryBudgetEnforcer({ clock })

function find(cases: readonly ConformanceCase[], name: string): ConformanceCase {
  const found = cases.find((each) => each.name.startsWith(name))
  if (found === undefined) throw new Error(`no case ${name}`)
  return found
}

describe('the conformance kit', () => {
  const cases = enforcerConformance({ create: memory })

  test('has cases of different names, which are facts', () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
    expect(cases.filter(({ name }) => /^should|\.$/.test(name))).toEqual([])
    expect(cases.length).toBeGreaterThan(130)
  })

  test('names the rules of each case as its name does', () => {
    const once = find(cases, 'after a capture, a release is hold_ended')
    expect(once.rules).toEqual(['I4'])
    expect(once.name).toContain('[I4]')
  })

  test('leaves out what a store does not have', () => {
    const isAboutWindows = ({ name }: ConformanceCase): boolean => /window/.test(name)
    expect(cases.some(isAboutWindows)).toBe(true)
    expect(enforcerConformance({ create: memory, windows: false }).some(isAboutWindows)).toBe(false)
    expect(cases.some(({ rules }) => rules.includes('L-P27'))).toBe(false)
    expect(enforcerConformance({ create: memory, ledger: () => [] }).some(({ rules }) => rules.includes('L-P27'))).toBe(
      true,
    )
  })

  test('creates a fresh store for each case, on a clock of its own, and destroys it', async () => {
    const clocks = new Set<TestClock>()
    let open = 0
    const [first, second] = enforcerConformance({
      create(clock) {
        clocks.add(clock)
        open++
        return memory(clock)
      },
      destroy: () => void open--,
    })
    await first?.run()
    await second?.run()
    await second?.run()
    expect([clocks.size, open]).toEqual([3, 0])
  })

  test('destroys the store of a case that fails', async () => {
    let open = 0
    const create = (clock: TestClock) => {
      open++
      return Object.assign(fakeEnforcer({ remaining: 5, clock: clock }), { initialize: () => {} })
    }
    const [first] = enforcerConformance({ create, destroy: () => void open-- })
    await expect(first?.run()).rejects.toBeInstanceOf(ConformanceError)
    expect(open).toBe(0)
  })

  test('waits on the clock it is given', async () => {
    const waits: number[] = []
    class Waiting extends FakeClock {
      override advance(ms: number): void {
        waits.push(ms)
        super.advance(ms)
      }
    }
    const timed = enforcerConformance({ create: memory, clock: () => new Waiting() })
    await find(timed, 'a hold is open until its deadline, and given back').run()
    expect(waits).toEqual([999, 1])
  })

  test('says what was wanted and what came', async () => {
    const create = (clock: TestClock) => {
      const store = memory(clock)
      return Object.assign(fakeEnforcer({ remaining: 0 }), {
        initialize: store.initialize.bind(store),
        remaining: () => 11,
        describe: store.describe.bind(store),
      })
    }
    const first = find(enforcerConformance({ create }), 'initialize creates a budget')
    await expect(first.run()).rejects.toThrow('remaining: wanted 10, got 11')
  })

  test('finds a balance that is out of true after any case', async () => {
    const create = (clock: TestClock) => {
      const store = memory(clock)
      const describe = store.describe.bind(store)
      return Object.assign(store, { describe: (id: string) => ({ ...describe(id), burned: 1 }) })
    }
    const each = find(enforcerConformance({ create }), 'initialize with the same amount again')
    await expect(each.run()).rejects.toThrow('in + debt is not')
  })
})
