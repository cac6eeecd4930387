import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asyncEnforcer, FakeClock, type AsyncEnforcer } from '../../../../src/testing/index.js'
import { InMemoryBudgetEnforcer } from '../../../../src/backends/memory/in-memory-budget-enforcer.js'
import { MemoryLedger } from '../../../../src/ledger/memory-ledger.js'
import { replay } from '../../../../src/ledger/replay.js'

const GRANTED = 20

interface Call {
  readonly cost: number
  readonly end: 'capture' | 'release' | 'keep' | 'both'
  readonly onExpire: 'capture' | 'release'
  readonly isRetried: boolean
}

const calls = fc.array(
  fc.record<Call>({
    cost: fc.integer({ min: 1, max: 9 }),
    end: fc.constantFrom('capture', 'release', 'keep', 'both'),
    onExpire: fc.constantFrom('capture', 'release'),
    isRetried: fc.boolean(),
  }),
  { minLength: 2, maxLength: 8 },
)

/** A store whose requests and answers arrive in the order that the scheduler picks. */
function scheduled(s: fc.Scheduler) {
  const clock = new FakeClock()
  const ledger = new MemoryLedger()
  const store = new InMemoryBudgetEnforcer({ clock, ledger })
  store.initialize('main', GRANTED)
  const hop = (call: { verb: string }): Promise<unknown> => s.schedule(Promise.resolve(), call.verb)
  return { clock, ledger, store, net: asyncEnforcer(store, { before: hop, after: hop }) }
}

/** One call as a seat makes it; answers with what was executed. */
async function callThrough(net: AsyncEnforcer, call: Call, n: number): Promise<number> {
  const { cost, end, onExpire, isRetried } = call
  const id = `hold-${n}`
  const request = { id, lines: [{ budget: 'main', amount: cost }], ttlMs: 1_000, onExpire }
  const holds = [net.hold(request), ...(isRetried ? [net.hold({ ...request })] : [])]
  const answers = await Promise.all(holds)
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
  if (answers[0]?.kind !== 'held') return 0
  const capture = (): Promise<unknown> => net.capture({ id: `${id}.c`, holdId: id, amount: cost, overage: 'cap' })
  const release = (): Promise<unknown> => net.release({ id: `${id}.r`, holdId: id })
  if (end === 'capture') await Promise.all([capture(), ...(isRetried ? [capture()] : [])])
  if (end === 'release') await Promise.all([release(), ...(isRetried ? [release()] : [])])
  if (end === 'both') await Promise.all([release(), capture()])
  return end === 'release' ? 0 : cost
}

describe('calls in any order of arrival', () => {
  test('never execute or charge more than was granted, and leave nothing on hold [I1] [I2] [I4] [L-P1] [R1]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), calls, async (s, list) => {
        const { clock, ledger, store, net } = scheduled(s)
        const running = Promise.all(list.map((call, n) => callThrough(net, call, n)))
        await s.waitFor(running)
        const view = store.describe('main')
        expect(view.available + view.held + view.spent).toBe(GRANTED)
        expect(Math.min(view.available, view.held, view.spent)).toBeGreaterThanOrEqual(0)
        clock.advance(1_000)
        const after = store.describe('main')
        expect(after).toMatchObject({ held: 0, openHolds: 0, debt: 0 })
        expect(after.available + after.spent).toBe(GRANTED)
        expect(after).toMatchObject(replay(ledger.entries()).get('default/main') ?? {})
      }),
      { numRuns: 500 },
    )
  })

  test('meet deadlines in any order, and each hold still ends once [I4] [I7] [L-P18]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), calls, fc.array(fc.nat(900), { maxLength: 5 }), async (s, list, jumps) => {
        const { clock, ledger, store, net } = scheduled(s)
        const time = jumps.map((ms) => s.schedule(Promise.resolve(), `${ms} ms pass`).then(() => clock.advance(ms)))
        await s.waitFor(Promise.all([...list.map((call, n) => callThrough(net, call, n)), ...time]))
        clock.advance(1_000)
        const view = store.describe('main')
        expect(view.available + view.spent - view.debt).toBe(GRANTED)
        expect(view).toMatchObject({ held: 0, openHolds: 0 })
        for (const n of list.keys()) {
          const ends = ledger
            .entries({ chargeId: `hold-${n}` })
            .filter((entry) => entry.kind === 'money' && entry.held < 0)
          expect(ends.length).toBeLessThanOrEqual(1)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('overspend when they check first and spend later, so the test can see a race [L-P1] [R4]', async () => {
    const property = fc.asyncProperty(fc.scheduler(), calls, async (s, list) => {
      const { net } = scheduled(s)
      let executed = 0
      const racing = list.map(async ({ cost }, n) => {
        if (!(await net.check('main', cost)).allowed) return
        executed += cost
        await net.spend({ chargeId: `charge-${n}`, budget: 'main', tool: 't', cost })
      })
      await s.waitFor(Promise.all(racing))
      expect(executed).toBeLessThanOrEqual(GRANTED)
    })
    const { failed, numRuns } = await fc.check(property, { seed: 1, endOnFailure: true })
    expect(failed).toBe(true)
    expect(numRuns).toBeLessThan(20)
  })
})
