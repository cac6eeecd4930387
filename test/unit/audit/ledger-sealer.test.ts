import { BudgetEvents } from 'mcp-budget'
import { LedgerSealer, type Checkpoint, type CheckpointSink } from 'mcp-budget/audit'
import { describe, expect, test, vi } from 'vitest'
import { audited, key } from '../../support/audited.js'

const MONEY = { partition: 'default', kind: 'money' } as const

describe('a sealer', () => {
  test('seals what is there, in batches, and what comes later after it [T40]', async () => {
    const { make, spend, seals, check } = audited({ batch: 4 })
    const sealer = make()
    spend(5)
    expect(await sealer.seal()).toBe(11 + 5)
    expect(await sealer.seal()).toBe(0)
    spend(1)
    expect(await sealer.seal()).toBe(3)
    const found = seals.read({ ...MONEY, after: 0, limit: 100 })
    expect(found.map(({ after, seq }) => [after, seq])).toEqual([
      [0, 4],
      [4, 8],
      [8, 11],
      [11, 13],
    ])
    expect(await check()).toMatchObject({ kind: 'ok', records: 19, unsealed: 0, balances: true })
  })

  test('goes on where one that was killed has stopped', async () => {
    const { make, spend, check } = audited({ batch: 4 })
    spend(5)
    await make().seal()
    spend(5)
    expect(await make().seal()).toBe(15)
    expect(await check()).toMatchObject({ kind: 'ok', unsealed: 0 })
  })

  test('may run beside others: each record is sealed once [T40]', async () => {
    const { make, spend, seals, check } = audited({ batch: 3 })
    const sealers = [make(), make(), make()]
    let sealed = 0
    for (let i = 0; i < 10; i++) {
      spend(3)
      for (const each of await Promise.all(sealers.map((sealer) => sealer.seal()))) sealed += each
    }
    expect(sealed).toBe(61 + 30)
    let last = 0
    for (const { after, seq } of seals.read({ ...MONEY, after: 0, limit: 1_000 })) {
      expect(after).toBe(last)
      last = seq
    }
    expect(await check()).toMatchObject({ kind: 'ok', unsealed: 0 })
  })

  test('seals every so often once it is started, and tells of what fails', async () => {
    const events = new BudgetEvents()
    const fault = vi.fn()
    events.on('fault', fault)
    const { make, spend, clock, ledger, check } = audited({ events })
    const sealer = make().start()
    spend(2)
    await clock.advanceAsync(1_000)
    expect(await check()).toMatchObject({ unsealed: 0 })
    spend(1)
    ledger.of(MONEY).splice(5, 1)
    await clock.advanceAsync(1_000)
    expect(fault).toHaveBeenCalledWith({
      where: 'LedgerSealer',
      error: expect.objectContaining({ code: 'invalid_store' }),
    })
    await sealer.stop()
    expect(clock.timers).toBe(0)
  })

  test('refuses settings that are none', () => {
    const { ledger, seals } = audited()
    const sink = (): void => {}
    const wrong = [
      {},
      { ledger },
      { ledger, seals: {} },
      { ledger, seals, batch: 0 },
      { ledger, seals, everyMs: 0 },
      { ledger, seals, sinks: [] },
      { ledger, seals, checkpoints: { store: 's', key, sinks: [] } },
      { ledger, seals, checkpoints: { store: '', key, sinks: [sink] } },
      { ledger, seals, checkpoints: { store: 's', key: 'pem', sinks: [sink] } },
      { ledger, seals, checkpoints: { store: 's', key, sinks: [{}] } },
    ]
    for (const options of wrong) {
      expect(() => new LedgerSealer(options as never)).toThrow(expect.objectContaining({ code: 'invalid_config' }))
    }
  })
})

describe('checkpoints', () => {
  test('come after so many records, or when the last is old and there is something new', async () => {
    const { make, spend, clock, written } = audited()
    const sinks = [(checkpoint: Checkpoint): void => void written.push(checkpoint)]
    const sealer = make({ checkpoints: { store: 's', key, sinks, every: 20 } }).start()
    spend(5)
    await clock.advanceAsync(2_000)
    expect(written).toEqual([])
    spend(5)
    await clock.advanceAsync(2_000)
    expect(written.map(({ kind, seq }) => [kind, seq])).toEqual([['money', 21]])
    await clock.advanceAsync(60_000)
    expect(written.map(({ kind, seq }) => [kind, seq])).toEqual([
      ['money', 21],
      ['call', 10],
    ])
    await clock.advanceAsync(600_000)
    expect(written).toHaveLength(2)
    await sealer.stop()
  })

  test.each(['throws', 'hangs', 'has it, and throws'])(
    'a sink that %s stops no other, is told of, and gets them all later [T52]',
    async (how) => {
      const events = new BudgetEvents()
      const fault = vi.fn()
      events.on('fault', fault)
      const { make, spend, clock, written, check } = audited({ events })
      const taken: Checkpoint[] = []
      let isOut = true
      const unsure = (checkpoint: Checkpoint): Promise<void> | undefined => {
        if (isOut && how === 'hangs') return new Promise(() => {})
        if (!isOut || how !== 'throws') taken.push(checkpoint)
        return isOut ? Promise.reject(new Error('disk full')) : undefined
      }
      const sinks = [unsure, (checkpoint: Checkpoint): void => void written.push(checkpoint)]
      const sealer = make({ checkpoints: { store: 's', key, sinks, every: 1, everyMs: 1_000 } }).start()
      for (let i = 0; i < 10; i++) {
        spend(1)
        await clock.advanceAsync(5_000)
      }
      expect(written.length).toBeGreaterThan(10)
      expect(fault).toHaveBeenCalledWith({ where: 'checkpoint', error: expect.any(Error) })
      isOut = false
      await clock.advanceAsync(120_000)
      spend(1)
      await clock.advanceAsync(10_000)
      await sealer.stop()
      for (const checkpoints of [taken, written]) {
        expect(await check({ checkpoints })).toMatchObject({ kind: 'ok', restarts: 0, chains: WHOLE })
      }
    },
  )
  const WHOLE = expect.arrayContaining([expect.objectContaining({ record: 'money', last: 23, checkpoint: 23 })])

  test('follow those of a sealer that was killed, where the sink knows the last [T40]', async () => {
    const { make, spend, check } = audited()
    const taken: Checkpoint[] = []
    const sink: CheckpointSink = {
      write: (checkpoint) => void taken.push(checkpoint),
      last: ({ partition, kind }) => taken.findLast((each) => each.partition === partition && each.kind === kind),
    }
    for (const sinks of [[sink], [sink]]) {
      spend(2)
      expect(await make({ checkpoints: { store: 's', key, sinks } }).checkpoint()).toBe(2)
    }
    expect(await check({ checkpoints: taken })).toMatchObject({ kind: 'ok', checkpoints: 4, restarts: 0 })
    const forgetful = make({ checkpoints: { store: 's', key, sinks: [sink.write] } })
    spend(1)
    await forgetful.checkpoint()
    expect(await check({ checkpoints: taken })).toMatchObject({ kind: 'ok', checkpoints: 6, restarts: 2 })
  })

  test('of a store that was put back are not signed [T40]', async () => {
    const events = new BudgetEvents()
    const fault = vi.fn()
    events.on('fault', fault)
    const before = audited()
    before.spend(5)
    await before.make().checkpoint()
    const { written } = before
    const count = written.length
    const after = audited({ events })
    after.spend(1)
    const sink: CheckpointSink = {
      write: (checkpoint) => void written.push(checkpoint),
      last: ({ kind }) => written.find((each) => each.kind === kind),
    }
    const sealer = after.make({ checkpoints: { store: 's', key, sinks: [sink] } })
    await sealer.checkpoint()
    after.spend(9)
    await sealer.checkpoint()
    expect(written).toHaveLength(count)
    expect(fault).toHaveBeenCalledWith({
      where: 'checkpoint',
      error: expect.objectContaining({ code: 'invalid_store' }),
    })
  })
})
