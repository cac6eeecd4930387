import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { callOf, CALLS, START } from '../../support/ledger-rules.js'
import { exportLedger, InMemoryBudgetEnforcer, MemoryLedger, readLedger } from 'mcp-budget'
import type { LedgerRecord } from '../../../src/ledger/entry.js'

async function whole<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

function ledgerOf(records: readonly LedgerRecord[]): MemoryLedger {
  const ledger = new MemoryLedger()
  ledger.append(records)
  return ledger
}

/** The cells of a CSV, read by the letter of RFC 4180. */
function cellsOf(csv: string): string[][] {
  const cells = csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)
  const rows: string[][] = [[]]
  for (const [, quoted, plain, end] of cells) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === '\r\n') rows.push([])
  }
  return rows.slice(0, -1)
}

async function csvOf(ledger: MemoryLedger): Promise<Array<Record<string, string>>> {
  const [header = [], ...rows] = cellsOf((await whole(exportLedger(ledger, { format: 'csv' }))).join(''))
  return rows.map((row) => {
    expect(row).toHaveLength(header.length)
    return Object.fromEntries(row.map((text, i) => [header[i], text]))
  })
}

const texts = fc.string({ unit: 'binary' })

describe('a ledger as JSON lines', () => {
  test('is read again as it was, whatever is in it and however it was cut [T38] [seed-001:spend-ledger]', async () => {
    const record = fc.tuple(texts, texts, fc.nat()).map(([tool, taskId, n]) => callOf({ tool, taskId, at: START + n }))
    await fc.assert(
      fc.asyncProperty(fc.array(record), fc.integer({ min: 1, max: 50 }), async (records, length) => {
        const ledger = ledgerOf([...records, ...CALLS])
        new InMemoryBudgetEnforcer({ ledger }).initialize('a/main', Number.MAX_SAFE_INTEGER)
        const text = (await whole(exportLedger(ledger, { format: 'jsonl' }))).join('')
        const pieces = Array.from({ length: Math.ceil(text.length / length) }, (_, i) =>
          text.slice(i * length, (i + 1) * length),
        )
        const { records: wanted } = ledger.page({ limit: 10_000 })
        expect(await whole(readLedger(pieces))).toEqual(wanted)
      }),
      { numRuns: 50 },
    )
  })

  test('comes in pages of 1,000, and each is asked for when it is wanted [I20, L-P23]', async () => {
    const ledger = ledgerOf(Array.from({ length: 2_500 }, (_, n) => callOf({ at: START + n })))
    let asked = 0
    const page: MemoryLedger['page'] = (request) => {
      asked++
      expect(request?.limit).toBe(1_000)
      return ledger.page(request)
    }
    const pages: number[] = []
    for await (const text of exportLedger({ page }, { format: 'jsonl', query: { kind: 'call' } })) {
      pages.push(text.split('\n').length - 1)
      expect(asked).toBe(pages.length)
    }
    expect(pages).toEqual([1_000, 1_000, 500])
  })

  test('goes into another ledger, with the same sums', async () => {
    const first = ledgerOf(CALLS)
    new InMemoryBudgetEnforcer({ ledger: first }).initialize('a/main', 100)
    const second = new MemoryLedger()
    for await (const record of readLedger(await whole(exportLedger(first, { format: 'jsonl' }))))
      second.append([record])
    expect(second.report()).toEqual(first.report())
  })

  test.each([
    ['{', 'no JSON'],
    ['5', '`5`'],
    ['[]', 'array'],
    ['{"kind":"x"}', '`kind`'],
    ['{"kind":"__proto__"}', '`kind`'],
    ['{"kind":"call","budgets":[5]}', '`budgets`'],
    ['{"kind":"money","seq":1.5}', '`seq`'],
    [JSON.stringify({ ...callOf(), tool: 5 }), '`tool`'],
  ])('is refused where a line is %s, with its number', async (line, got) => {
    const lines = [JSON.stringify(callOf()), '', line].join('\n')
    await expect(whole(readLedger([lines]))).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(/^Expected line 3 to be a record/) as string,
    })
    await expect(whole(readLedger([lines]))).rejects.toThrow(got)
  })

  test('is refused where a line has no end [I20]', async () => {
    const endless = Array.from({ length: 100 }, () => 'x'.repeat(100_000))
    await expect(whole(readLedger(endless))).rejects.toThrow('Expected line 1')
  })
})

describe('a ledger as CSV', () => {
  test('has a header, and a line for each record with its columns [seed-001:spend-ledger]', async () => {
    const ledger = ledgerOf(CALLS)
    new InMemoryBudgetEnforcer({ ledger, clock: { now: () => START, after: () => () => {} } }).initialize('a/main', 100)
    const rows = await csvOf(ledger)
    expect(rows).toHaveLength(CALLS.length + 1)
    expect(rows[0]).toMatchObject({ kind: 'calls', at: '', tool: 'search', calls: '3', charged: '12', available: '' })
    expect(rows[1]).toMatchObject({
      ...{ kind: 'money', at: '2027-01-15T08:00:00.000Z', budgets: 'a/main', partition: 'a', seq: '1', op: 'grant' },
      ...{ available: '100', in: '100', spent: '0', charged: '' },
    })
    expect(rows[4]).toMatchObject({
      ...{ kind: 'call', id: 'c2', budgets: 'a/main a/other', task_id: 't1', task_end: 'completed', attempt: '2' },
      ...{ charged: '5', hold: '5', end: 'captured', late: 'false', token_id: '' },
    })
  })

  test.each(['x;=cmd()', 'x\t=cmd()', '＝cmd()', '＠sum', 'a\n=cmd()', 'x; \u200b+1', '\0=1', '\u200b=1'])(
    'begins no cell with %j as a formula, whatever parts the cells [T38]',
    async (tool) => {
      const csv = (await whole(exportLedger(ledgerOf([callOf({ tool })]), { format: 'csv' }))).join('')
      for (const part of csv.split(/[;,\t\r\n]/)) expect(part).not.toMatch(/^["\s\p{C}]*[=+\-@＝＋－＠]/u)
    },
  )

  test('has a time that no date can be as its number', async () => {
    const [row] = await csvOf(ledgerOf([callOf({ at: 9e15 })]))
    expect(row).toMatchObject({ at: '9000000000000000' })
  })

  test('gives back every text that is no formula [T38]', async () => {
    await fc.assert(
      fc.asyncProperty(texts, async (tool) => {
        const [row] = await csvOf(ledgerOf([callOf({ tool })]))
        expect(row?.['tool']?.replaceAll("'", '')).toBe(tool.replaceAll("'", ''))
      }),
    )
  })

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '=HYPERLINK("http://x","y")', '\n-1'])(
    'has no text that a spreadsheet takes for a formula: %j [T38]',
    async (tool) => {
      const [row] = await csvOf(ledgerOf([callOf({ tool, server: tool })]))
      // A tab or the end of a line may part cells too.
      const cell = `'${tool.replace(/^([\t\r\n]+)(?=[=+@-])/, "$1'")}`
      expect(row).toMatchObject({ tool: cell, server: cell })
    },
  )

  test('leaves a negative number a number', async () => {
    const ledger = new MemoryLedger()
    const enforcer = new InMemoryBudgetEnforcer({ ledger })
    enforcer.initialize('a/main', 100)
    enforcer.spend({ chargeId: 'c1', budget: 'a/main', tool: 't', cost: 7 })
    const rows = await csvOf(ledger)
    expect(rows[1]).toMatchObject({ op: 'spend', available: '-7', spent: '7' })
  })
})

test('exportLedger refuses a format and a setting that it does not know', () => {
  const ledger = new MemoryLedger()
  for (const options of [{ format: 'xml' }, { format: 'csv', limit: 5 }])
    expect(() => exportLedger(ledger, options as { format: 'csv' })).toThrow(/^Expected `/)
})
