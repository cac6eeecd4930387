import { describe, expect, test } from 'vitest'
import { report, type TaskTrackingOptions } from 'mcp-budget'
import { GENERATIONS, gateOn, LEGACY, startTask, type GateSetUp, type TestGate } from '../../support/tasks.js'

const N = 41
const QUARTER = Math.ceil(N / 4)
const OPERATION = 'dev.mcp-budget/operation-id'
const DONE = { content: [] }
const WRONG = { content: [], isError: true }
const FIRST_ONLY = { retryCostMode: 'first-only' } as const

const gate = (tracking: Partial<TaskTrackingOptions> = {}, more: GateSetUp = {}): TestGate =>
  gateOn({ prices: { defaultCost: N }, tracking, ...more })

/** A call that is answered at once, and what it was charged. */
async function attempt(on: TestGate, result: object = WRONG, more: object = {}, meta: object = {}): Promise<number> {
  const before = on.balance().spent
  await on.answer(await on.call(more as Record<string, unknown>, meta), result)
  return on.balance().spent - before
}

const MODES = [
  ['full', {}, 6 * N],
  ['first-only', FIRST_ONLY, N],
  ['reduced', { retryCostMode: 'reduced', retryRateBps: 2_500 }, N + 5 * QUARTER],
] as const

for (const generation of GENERATIONS) {
  describe(`five retries of a ${generation.era} task that fails [seed-000:retry-full, seed-000:retry-first-only, seed-000:retry-reduced]:`, () => {
    const start = (on: TestGate, n: number): Promise<void> => startTask(on, generation, { taskId: `t${n}` })
    const fail = (on: TestGate, n: number): Promise<void> => on.notify(generation.over(`t${n}`, WRONG))

    test.each(MODES)('%s charges what it says', async (_, tracking, cost) => {
      const on = gate(tracking)
      for (let n = 0; n < 6; n++) {
        await start(on, n)
        await fail(on, n)
      }
      expect(on.balance()).toMatchObject({ spent: cost, held: 0 })
      const operations = [...report(on.ledger.entries()).byOperation.values()]
      expect(operations).toMatchObject([{ charged: cost, full: 6 * N, saved: 6 * N - cost }])
      expect(operations[0]?.attempts.map((each) => [each.attempt, each.end])).toEqual(
        [1, 2, 3, 4, 5, 6].map((n) => [n, 'failed']),
      )
    })

    test.each(MODES)('%s charges the same when processes restart in between', async (_, tracking, cost) => {
      const first = gate(tracking)
      const { clock, enforcer, tasks } = first
      const next = (): TestGate => gate(tracking, { clock, enforcer, tasks })
      for (let n = 0; n < 6; n++) {
        // Begun by one process, ended by the next.
        await start(next(), n)
        expect(first.balance().held).toBe(n === 0 || _ === 'full' ? N : _ === 'reduced' ? QUARTER : 0)
        await fail(next(), n)
      }
      expect(first.balance()).toMatchObject({ spent: cost, held: 0 })
    })

    test.each(MODES)('%s charges the same through two gates at once', async (_, tracking, cost) => {
      const one = gate(tracking)
      const { clock, enforcer, tasks } = one
      const two = gate(tracking, { clock, enforcer, tasks })
      for (let n = 0; n < 6; n++) {
        await start(n % 2 === 0 ? one : two, n)
        await Promise.all([fail(one, n), fail(two, n), fail(one, n)])
      }
      expect(one.balance()).toMatchObject({ spent: cost, held: 0 })
      expect(one.records().length + two.records().length).toBe(12)
    })
  })
}

describe('a discount', () => {
  test('is not earned by a claim without a failure [T27]', async () => {
    const on = gate(FIRST_ONLY)
    for (let n = 0; n < 3; n++) expect(await attempt(on, DONE, {}, { [OPERATION]: 'mine' })).toBe(N)
  })

  test('is earned by one failure once [T27]', async () => {
    const on = gate(FIRST_ONLY)
    expect(await attempt(on)).toBe(N)
    expect(await attempt(on, DONE)).toBe(0)
    expect(await attempt(on, DONE)).toBe(N)
  })

  test.each([
    ['another tool', { name: 'draw' }, {}],
    ['other arguments', { arguments: { q: 'y' } }, {}],
    ['another operation', {}, { [OPERATION]: 'other' }],
  ])('is not earned by a failure of %s [T27]', async (_, more, meta) => {
    const on = gate(FIRST_ONLY)
    await attempt(on)
    expect(await attempt(on, DONE, more, meta)).toBe(N)
  })

  test('is not earned by a failure of another budget [T27]', async () => {
    const on = gate(FIRST_ONLY)
    const { clock, enforcer, tasks } = on
    enforcer.initialize('b', 1_000)
    const other = gate(FIRST_ONLY, { clock, enforcer, tasks, budget: { budget: 'b' } })
    await attempt(on)
    await attempt(other, DONE)
    expect(other.balance('b')).toMatchObject({ spent: N })
  })

  test('is not earned by a failure that is longer ago than the window [T27]', async () => {
    const on = gate({ ...FIRST_ONLY, retryWindowMs: 10_000 })
    await attempt(on)
    await on.wait(10_000)
    expect(await attempt(on, DONE)).toBe(N)
  })

  test('is earned no more often than maxDiscountedRetries says [T27]', async () => {
    const on = gate({ ...FIRST_ONLY, maxDiscountedRetries: 2 })
    const charges: number[] = []
    for (let n = 0; n < 5; n++) charges.push(await attempt(on))
    expect(charges).toEqual([N, 0, 0, N, N])
  })

  test('is earned once by many attempts at once [T27]', async () => {
    const on = gate(FIRST_ONLY)
    await attempt(on)
    await Promise.all(Array.from({ length: 8 }, () => on.call()))
    expect(on.balance()).toMatchObject({ held: 7 * N, spent: N })
  })

  test('is not earned by a failure that cost nothing [T28]', async () => {
    const on = gate(FIRST_ONLY, { budget: { onFailure: 'release' } })
    expect(await attempt(on)).toBe(0)
    expect(await attempt(on, DONE)).toBe(N)
  })

  test('is not earned by a failure that cost less than its price [T28]', async () => {
    const on = gate(FIRST_ONLY, { prices: { costs: { render: { price: N, failed: 3 } } } })
    expect(await attempt(on)).toBe(3)
    expect(await attempt(on, DONE)).toBe(N)
  })

  test('is not earned by a task that failed and was given back, and is by the next that was paid', async () => {
    const on = gate({ ...FIRST_ONLY, onTaskFailure: 'release' })
    await startTask(on, LEGACY)
    await on.notify(LEGACY.over('t1', WRONG))
    expect(on.balance().spent).toBe(0)
    expect(await attempt(on, WRONG)).toBe(N)
    expect(await attempt(on, DONE)).toBe(0)
  })

  test('comes back when the attempt that consumed it was refused', async () => {
    const on = gate(
      { retryCostMode: 'reduced', retryRateBps: 5_000 },
      { credits: N + 5, budget: { refusalMemoryMs: 0 } },
    )
    expect(await attempt(on)).toBe(N)
    const refused = await on.call()
    expect(on.answerTo(refused)).toMatchObject({ error: { data: { error: 'budget_exhausted', cost_credits: 21 } } })
    on.enforcer.grant({ id: 'more', budget: 'a', amount: 100 })
    expect(await attempt(on, DONE)).toBe(21)
  })

  test('lets a free retry pass on a budget with nothing left, and not on one that is closed', async () => {
    const on = gate(FIRST_ONLY, { credits: N })
    await attempt(on)
    expect(on.balance().available).toBe(0)
    expect(await attempt(on)).toBe(0)
    on.enforcer.close({ id: 'over', budget: 'a', why: 'closed' })
    expect(on.answerTo(await on.call())).toMatchObject({ error: { data: { error: 'unauthorized' } } })
  })

  test('is earned by a call that was cancelled, and was charged', async () => {
    const on = gate(FIRST_ONLY)
    const id = await on.call()
    await on.fromClient({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } })
    expect(on.balance().spent).toBe(N)
    expect(await attempt(on, DONE)).toBe(0)
  })

  test('is earned by a task that expired only when that was charged', async () => {
    for (const [onTaskExpiry, then] of [
      ['release', N],
      ['capture', 0],
    ] as const) {
      const on = gate({ ...FIRST_ONLY, onTaskExpiry, retryWindowMs: 86_400_000 })
      await startTask(on, LEGACY)
      await on.wait(700_000)
      expect(await attempt(on, DONE)).toBe(then)
    }
  })

  test('follows the policy of the tool', async () => {
    const on = gate({
      retryCostMode: 'first-only',
      tools: { render: { retryCostMode: 'full' }, 'ren*': { retryCostMode: 'first-only' } },
    })
    await attempt(on)
    expect(await attempt(on)).toBe(N)
    await attempt(on, WRONG, { name: 'rent' })
    expect(await attempt(on, WRONG, { name: 'rent' })).toBe(0)
  })

  test('never makes an operation cheaper than one attempt that was charged, nor dearer than full [T28]', async () => {
    for (const onFailure of ['capture', 'release'] as const)
      for (const results of [
        [WRONG, DONE],
        [WRONG, WRONG, WRONG, DONE],
        [WRONG, WRONG],
      ]) {
        const on = gate(FIRST_ONLY, { budget: { onFailure } })
        for (const result of results) await attempt(on, result)
        const { spent } = on.balance()
        const full = onFailure === 'capture' ? results.length * N : results.filter((each) => each === DONE).length * N
        expect(spent === 0 || spent >= N).toBe(true)
        expect(spent).toBeLessThanOrEqual(full)
        if (full > 0) expect(spent).toBeGreaterThan(0)
      }
  })
})

describe('an operation', () => {
  test('is called what its caller calls it, and travels on', async () => {
    const on = gate()
    await attempt(on, DONE, {}, { [OPERATION]: 'report-7' })
    expect(on.records()).toMatchObject([{ operationId: 'report-7', attempt: 1 }])
    expect(on.reached().at(-1).params._meta).toEqual({ [OPERATION]: 'report-7' })
  })

  test('is named by the option operationId where the call names none', async () => {
    const on = gate({ operationId: (call) => (call.tool === 'render' ? 'run-1' : undefined) })
    await attempt(on, DONE)
    await attempt(on, DONE, {}, { [OPERATION]: 'own' })
    await attempt(on, DONE, { name: 'draw' })
    const sent = on.reached().filter(({ method }) => method === 'tools/call')
    expect(sent.map(({ params }) => params._meta[OPERATION])).toEqual(['run-1', 'own', undefined])
  })

  test.each([
    ['a text with spaces', 'a b'],
    ['an empty text', ''],
    ['one that is too long', 'x'.repeat(129)],
    ['no text', 7],
  ])('with an id that is %s is refused', async (_, id) => {
    const on = gate()
    const answer = on.answerTo(await on.call({}, { [OPERATION]: id }))
    expect(answer).toMatchObject({ error: { code: -32602, data: { reason: 'invalid_key' } } })
    expect(on.balance().held).toBe(0)
  })

  test('is the id of its first attempt where nobody names it', async () => {
    const on = gate()
    await attempt(on)
    await attempt(on, DONE)
    const [first, second] = on.records()
    expect([first?.operationId, second?.operationId]).toEqual([first?.chargeId, first?.chargeId])
    expect([first?.attempt, second?.attempt]).toEqual([1, 2])
  })

  test('stands in events, with its task', async () => {
    const on = gate()
    const seen: unknown[] = []
    on.events.on('charged', ({ call, outcome }) => seen.push([outcome, call.attempt, call.taskId]))
    await startTask(on, LEGACY)
    await on.notify(LEGACY.over('t1', DONE))
    expect(seen).toEqual([
      ['task', 1, undefined],
      ['result', 1, 't1'],
    ])
  })
})
