import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { drainLedger, type DrainBatch, type DrainPlace, type DrainSink } from '../../../../src/ledger/drain/index.js'
import type { LedgerRecord } from '../../../../src/ledger/entry.js'
import type { NumberedLedger } from '../../../../src/ledger/ledger.js'

/** A ledger of entries that say their number, of which the oldest may be folded. */
class Numbers implements NumberedLedger {
  readonly head = new Map<string, number>()
  folded = 0
  life = 1
  asked = 0

  constructor(heads: Readonly<Record<string, number>>) {
    for (const [partition, head] of Object.entries(heads)) this.head.set(partition, head)
  }

  partitions() {
    return [...this.head.keys()]
  }

  async numbered({ partition, kind, after, limit }: Parameters<NumberedLedger['numbered']>[0]) {
    this.asked++
    const head = kind === 'money' ? (this.head.get(partition) ?? 0) : 0
    const first = Math.max(after, this.folded) + 1
    const count = Math.max(0, Math.min(limit, head - first + 1))
    const about = { kind, partition, at: this.life, op: 'spend', budget: 'default/a' }
    return Array.from({ length: count }, (_, n) => {
      const seq = first + n
      return { seq, record: { ...about, seq, id: `${partition} ${seq}` } as unknown as LedgerRecord }
    })
  }
}

/** A sink in memory that leaves out what it has. */
class Kept implements DrainSink {
  readonly records = new Map<string, DrainBatch['records'][number][]>()
  isBroken = false

  last({ partition, kind }: DrainBatch) {
    return this.records.get(`${partition} ${kind}`)?.at(-1)
  }

  async write({ partition, kind, records }: DrainBatch) {
    if (this.isBroken) throw new Error('no space left')
    const kept = this.records.get(`${partition} ${kind}`) ?? []
    this.records.set(`${partition} ${kind}`, kept)
    const after = kept.at(-1)?.seq ?? 0
    kept.push(...records.filter(({ seq }) => seq > after))
  }

  seqs(partition: string): readonly number[] {
    return (this.records.get(`${partition} money`) ?? []).map(({ seq }) => seq)
  }
}

function upTo(first: number, last: number): readonly number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n)
}

describe('a drain', () => {
  test('hands over all records of all partitions, once, and goes on where the sink is', async () => {
    const [from, to] = [new Numbers({ one: 25, two: 3, none: 0 }), new Kept()]
    expect(await drainLedger({ from, to, limit: 10 })).toEqual({ drained: 28 })
    expect([to.seqs('one'), to.seqs('two'), to.seqs('none')]).toEqual([upTo(1, 25), upTo(1, 3), []])
    expect(await drainLedger({ from, to })).toEqual({ drained: 0 })
    from.head.set('two', 5)
    expect(await drainLedger({ from, to })).toEqual({ drained: 2 })
    expect(to.seqs('two')).toEqual(upTo(1, 5))
  })

  test('serves each partition in its turn, so that a busy one keeps no other waiting', async () => {
    const from = new Numbers({ busy: 100, quiet: 1 })
    const to = new Kept()
    const { signal, abort } = new (class extends AbortController {
      override readonly abort = super.abort.bind(this)
    })()
    const write: DrainSink['write'] = async (batch) => {
      await to.write(batch)
      if (batch.partition === 'busy') from.head.set('busy', (from.head.get('busy') ?? 0) + 100)
      if (to.seqs('busy').length > 500) abort()
    }
    await drainLedger({ from, to: { write, last: (book) => to.last(book as DrainBatch) }, limit: 10, signal })
    expect(to.seqs('quiet')).toEqual([1])
  })

  test('fails when the sink fails, and the next one hands over what that has not', async () => {
    const [from, to] = [new Numbers({ one: 25 }), new Kept()]
    to.isBroken = true
    await expect(drainLedger({ from, to })).rejects.toThrow('no space left')
    to.isBroken = false
    await drainLedger({ from, to })
    expect(to.seqs('one')).toEqual(upTo(1, 25))
  })

  test('names the numbers that were folded before it came, each time, and drains the other partitions first', async () => {
    const [from, to] = [new Numbers({ one: 25, two: 30 }), new Kept()]
    await drainLedger({ from, to })
    from.head.set('one', 60)
    from.head.set('two', 60)
    from.folded = 28
    const again = async () => drainLedger({ from, to })
    const wanted = /partition "one", but 26 to 28 were folded before they were drained/
    await expect(again()).rejects.toMatchObject({
      code: 'ledger_gap',
      message: expect.stringMatching(wanted) as string,
    })
    expect(to.seqs('one')).toEqual(upTo(1, 25))
    expect(to.seqs('two')).toEqual(upTo(1, 60))
    await expect(again()).rejects.toThrow(wanted)
  })

  test('goes on behind a gap where somebody hears of it', async () => {
    const [from, to] = [new Numbers({ one: 25 }), new Kept()]
    from.folded = 20
    const gaps: unknown[] = []
    await drainLedger({ from, to, onGap: (gap) => gaps.push(gap) })
    expect(gaps).toEqual([{ partition: 'one', kind: 'money', from: 1, to: 20 }])
    expect(to.seqs('one')).toEqual(upTo(21, 25))
  })

  test.each([
    ['is shorter than the sink', 20],
    ['has another record at the last number that the sink has', 25],
    ['has grown beyond it since', 90],
  ])('refuses a ledger that was restored: it %s', async (_, head) => {
    const [from, to] = [new Numbers({ one: 25 }), new Kept()]
    await drainLedger({ from, to })
    from.life = 2
    from.head.set('one', head)
    const options = { from, to, onGap: () => {} }
    await expect(drainLedger(options)).rejects.toThrow(/number 25 is not what the sink has/)
    expect(to.seqs('one')).toEqual(upTo(1, 25))
  })

  test('to a function remembers its place where it is told to', async () => {
    const from = new Numbers({ one: 25 })
    const got: number[] = []
    let at = 0
    const place: DrainPlace = {
      last: ({ kind }) => (kind === 'money' ? at : undefined),
      note: (_book, { seq }) => void (at = seq),
    }
    const to = ({ records }: DrainBatch) => void got.push(...records.map(({ seq }) => seq))
    await drainLedger({ from, to, place, limit: 4 })
    await drainLedger({ from, to, place })
    expect(got).toEqual(upTo(1, 25))
  })

  test.each([{ to: () => {} }, { limit: 0 }, { limit: 5_001 }, { every: 5 }])('refuses %j', async (more) => {
    const options = { from: new Numbers({}), to: new Kept(), ...more }
    await expect(drainLedger(options as never)).rejects.toMatchObject({ code: 'invalid_config' })
  })

  test('says so when a place is no number', async () => {
    const place = { last: () => Number.NaN }
    const options = { from: new Numbers({ one: 1 }), to: () => {}, place }
    await expect(drainLedger(options)).rejects.toMatchObject({ code: 'invalid_store' })
  })
})

test('several drains at once, which fail at any time, lose nothing and hand nothing over out of order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.infiniteStream(fc.integer({ min: 0, max: 5 })), async (scheduler, chance) => {
      const [from, to] = [new Numbers({ one: 7, two: 9 }), new Kept()]
      const write: DrainSink['write'] = async (batch) => {
        if (chance.next().value === 0) throw new Error('failed before')
        await scheduler.schedule(Promise.resolve())
        await to.write(batch)
        if (chance.next().value === 1) throw new Error('failed after')
      }
      const sink: DrainSink = { write, last: (book) => to.last(book as DrainBatch) }
      const drains = [1, 2, 3].map((limit) => drainLedger({ from, to: sink, limit }).catch(() => {}))
      await scheduler.waitFor(Promise.all(drains))
      await drainLedger({ from, to })
      expect([to.seqs('one'), to.seqs('two')]).toEqual([upTo(1, 7), upTo(1, 9)])
    }),
    { numRuns: 200 },
  )
})
