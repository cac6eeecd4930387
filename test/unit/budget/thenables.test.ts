import { composeWith, InMemoryBudgetEnforcer, withBudget, withCostProfile, type HoldingEnforcer } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { expectNoUnhandledRejection } from '../../support/unhandled.js'

type Then = (resolve: (value: unknown) => void) => void

const thenable = (then: Then): unknown => ({ then })
const fail = (): never => {
  throw new Error('boom')
}

/** What a store may answer in place of a promise of its answer. */
const answers: ReadonlyArray<readonly [string, (answer: unknown) => unknown]> = [
  [
    'resolves twice',
    (answer) =>
      thenable((resolve) => {
        resolve(answer)
        resolve({ kind: 'refused', reason: 'exhausted', budget: 'a', remaining: 0 })
      }),
  ],
  [
    'throws after it resolved',
    (answer) =>
      thenable((resolve) => {
        resolve(answer)
        fail()
      }),
  ],
  ['throws', () => thenable(fail)],
  ['cannot be read', () => Object.defineProperty({}, 'then', { get: fail })],
  ['never resolves', () => thenable(() => {})],
  ['resolves to another', (answer) => thenable((resolve) => resolve(thenable((inner) => inner(answer))))],
]
const verbs = ['hold', 'capture', 'release'] as const
const settings = answers.flatMap(([name, wrap]) =>
  (['hard', 'soft', 'shadow'] as const).flatMap((mode) =>
    [...verbs.map((verb) => [verb]), verbs].map((broken) => [name, broken.join(', '), mode, wrap] as const),
  ),
)

expectNoUnhandledRejection()

describe('a store whose answer is a thenable', () => {
  test.each(settings)('that %s, to %s, in %s mode, loses and makes no credits [I1, I4]', async (...row) => {
    const [, broken, mode, wrap] = row
    const clock = new FakeClock()
    const memory = new InMemoryBudgetEnforcer({ clock })
    memory.initialize('a', 100)
    let down = true
    const enforcer = new Proxy<HoldingEnforcer>(memory, {
      get(_, verb: keyof HoldingEnforcer) {
        const act = memory[verb].bind(memory) as (...args: unknown[]) => unknown
        return (...args: unknown[]) => {
          const answer = act(...args)
          return down && broken.split(', ').includes(verb) ? wrap(answer) : answer
        }
      },
    })
    const shadow = mode === 'shadow' && { shadow: { enforcer } }
    const budget = withBudget({ enforcer, budget: 'a', clock, mode, ...shadow })
    const meter = composeWith(clock, [withCostProfile({ defaultCost: 5, clock }), budget])
    const running = [() => ({ content: [] }), fail].map(async (forward) => meter.run({ tool: 't' }, forward))
    await clock.advanceAsync(3_000)
    down = false
    await clock.advanceAsync(60_000)
    await budget.flush()
    await clock.advanceAsync(130_000)
    const ran = (await Promise.all(running)).filter(({ kind }) => kind !== 'refused').length
    expect(budget.pending).toBe(0)
    const { available, held, spent } = memory.describe('a')
    expect({ held, sum: available + spent }).toEqual({ held: 0, sum: 100 })
    if (mode !== 'shadow') expect(spent).toBe(5 * ran)
  })
})
