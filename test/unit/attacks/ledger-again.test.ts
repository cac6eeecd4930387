import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { chainRecords } from 'mcp-budget/audit'
import { cli } from '../../support/cli.js'
import { callRecord } from '../../support/array-ledger.js'
import { exportLedger, InMemoryBudgetEnforcer, MemoryLedger, type NumberedLedger } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { jsonlSink, readDrained } from 'mcp-budget/drain'
import { numberedRecords } from '../../../src/cli/numbered-file.js'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'
import { wholeLedgerOf } from '../../../src/cli/ledger-store.js'
import type { OpenStore } from '../../../src/cli/open-store.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-attacks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// An export of it would replay to another balance, and nobody would know.
test('a ledger in memory that folds what no page has had says so', async () => {
  const clock = new FakeClock(1_800_000_000_000)
  const ledger = new MemoryLedger({ maxEntries: 4 })
  const enforcer = new InMemoryBudgetEnforcer({ ledger, clock })
  const grant = (from: number, to: number): void => {
    for (let n = from; n <= to; n++) {
      clock.advance(1)
      enforcer.grant({ id: `g${n}`, budget: 'a', amount: 10 })
    }
  }
  enforcer.initialize('a', 100)
  grant(1, 3)
  const { next: early } = ledger.page({ limit: 1 })
  const { next: late } = ledger.page({ limit: 3 })
  grant(4, 5)
  expect(() => ledger.page({ cursor: early ?? '' })).toThrow(expect.objectContaining({ code: 'ledger_gap' }))
  // What was folded, the pages before this cursor have had.
  expect(ledger.page({ cursor: late ?? '' }).records).toMatchObject([{ id: 'g3' }, { id: 'g4' }, { id: 'g5' }])
  const all: string[] = []
  for await (const text of exportLedger(ledger)) all.push(text)
  expect(all).toHaveLength(1)
})

test.each([
  ['removed', (path: string) => rmSync(path)],
  ['moved', (path: string) => renameSync(path, `${path}.1`)],
  ['replaced', (path: string) => (renameSync(path, `${path}.1`), writeFileSync(path, ''))],
  ['cut', (path: string) => truncateSync(path, 0)],
])('a drained file that was %s under its sink is written to no more', async (what, change) => {
  const path = join(folder, `${what}.jsonl`)
  const sink = jsonlSink(path)
  const batch = (seq: number) => ({ partition: 'a', kind: 'call' as const, records: [{ seq, record: callRecord() }] })
  await sink.write(batch(1))
  change(path)
  await expect(sink.write(batch(2))).rejects.toMatchObject({ code: 'store_unavailable' })
  await expect(sink.last(batch(1))).rejects.toMatchObject({ code: 'store_unavailable' })
  await sink.close()
})

// On Node 24 and later, where `readline` ends a line there, such records were left out without a word.
test('a record with U+2028 in the name of its tool is read from a file', async () => {
  const path = join(folder, 'separators.jsonl')
  const record = callRecord({ tool: 'a\u2028b\u2029c' })
  const sink = jsonlSink(path)
  await sink.write({ partition: 'a', kind: 'call', records: [{ seq: 1, record }] })
  await sink.close()
  for (const read of [readDrained, numberedRecords]) {
    const found: unknown[] = []
    for await (const each of read(path)) found.push(each.record)
    expect(found).toEqual([JSON.parse(JSON.stringify(record))])
  }
})

// A verification that ends with `broken` calls somebody at night.
test('a ledger in Redis that folds while it is verified is not told to be broken', async () => {
  let folded = 0
  const ledger: NumberedLedger = {
    partitions: () => ['a'],
    numbered: ({ kind, after, limit }) => {
      if (kind === 'call') return []
      const from = Math.max(after, folded)
      const seqs = Array.from({ length: Math.min(limit, Math.max(0, 20_000 - from)) }, (_, n) => from + n + 1)
      if (limit > 1) folded = 19_000
      return seqs.map((seq) => ({ seq, record: { kind: 'money', seq, partition: 'a' } as never }))
    },
  }
  const store = { kind: 'redis', enforcer: { ledger } } as unknown as OpenStore
  const read = async (): Promise<number> => {
    let count = 0
    for await (const _ of chainRecords(await wholeLedgerOf(store))) count++
    return count
  }
  await expect(read()).rejects.toMatchObject({
    slug: 'not_supported',
    message: expect.stringContaining('before 19001'),
  })
})

// A token would live longer than was typed, and a report would end with another day.
test.each(['2026-02-30', '2026-11-31T08:00Z', '2025-02-29'])('a day that is none is no time: %s', async (day) => {
  const { code, err } = await cli(`ledger report --until ${day}`)
  expect([code, err]).toEqual([2, expect.stringContaining('`--until` to be a time')])
})

// `--key-file <(…)` is a pipe: half of a key would mint tokens that no gateway takes, without an error.
test('a key that comes through a pipe in pieces is read whole', async () => {
  const path = join(folder, 'key.pipe')
  execFileSync('mkfifo', [path])
  const [half, rest] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')]
  const minted = (file: string) =>
    cli(['token', 'mint', 'a', '--key-file', file, '--kid', 'k', '--exp', '1h', '--json'], {})
  const writer = openSync(path, 'r+')
  writeFileSync(writer, half)
  const first = minted(path)
  await new Promise((resolve) => setTimeout(resolve, 50))
  writeFileSync(writer, rest)
  closeSync(writer)
  const { token } = JSON.parse((await first).out) as { token: string }
  const whole = join(folder, 'whole.key')
  writeFileSync(whole, half + rest)
  const proof = ['token', 'inspect', '--key-file', whole, '--kid', 'k']
  expect((await cli(proof, { input: token })).code).toBe(0)
})

// Daemons go to `/`: each call was refused from then on.
test('a store in SQLite goes on when the process goes to another folder', async () => {
  const before = process.cwd()
  process.chdir(folder)
  const enforcer = await SqliteBudgetEnforcer.open({ database: 'relative.db' })
  process.chdir(before)
  await enforcer.initialize('a', 5)
  expect((await enforcer.describe('a')).available).toBe(5)
  await enforcer.shutdown()
  expect(readFileSync(join(folder, 'relative.db')).length).toBeGreaterThan(0)
})
