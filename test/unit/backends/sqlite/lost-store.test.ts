import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { BudgetEvents, compose, withBudget, withCostProfile, type FailMode } from '../../../../src/index.js'
import { booksOf } from '../../../support/kills/sql-books.js'
import { openHandle } from '../../../../src/backends/sqlite/open-handle.js'
import { unlikeLedger } from '../../../support/kills/books.js'
import { SqliteBudgetEnforcer, type SqliteHandle } from '../../../../src/backends/sqlite/index.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-lost-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Place {
  readonly file: string
  /** The connection of the store. */
  readonly own: SqliteHandle
  /** The connection of somebody else. */
  readonly other: SqliteHandle
}

/** A way to lose the file, and to have it back. */
interface Loss {
  readonly name: string
  /** Whether only the store's own connection notices. */
  readonly isOwn?: true
  readonly lose: (place: Place) => void
  readonly find: (place: Place) => void
}

const LOSSES: readonly Loss[] = [
  {
    name: 'is moved away',
    lose: ({ file }) => renameSync(file, `${file}.away`),
    find: ({ file }) => renameSync(`${file}.away`, file),
  },
  {
    name: 'is replaced by another',
    lose({ file }) {
      renameSync(file, `${file}.away`)
      writeFileSync(file, '')
    },
    find: ({ file }) => renameSync(`${file}.away`, file),
  },
  {
    // Root may write to whatever it wants: SQLite is told instead.
    name: 'can only be read',
    isOwn: true,
    lose: ({ own }) => own.exec('PRAGMA query_only = 1'),
    find: ({ own }) => own.exec('PRAGMA query_only = 0'),
  },
  {
    name: 'is locked by another process for longer than one waits',
    lose: ({ other }) => other.exec('BEGIN IMMEDIATE'),
    find: ({ other }) => other.exec('COMMIT'),
  },
]

let count = 0

async function setUp({ isOwn }: Loss, failMode: FailMode) {
  const file = join(folder, `${count++}.db`)
  const own = await openHandle(file)
  const enforcer = await SqliteBudgetEnforcer.open({ database: isOwn ? own : file, busyTimeoutMs: 20 })
  await enforcer.initialize('main', 100)
  const events = new BudgetEvents()
  const heard: string[] = []
  const causes: unknown[] = []
  for (const name of ['outage', 'recovered', 'delayed'] as const) events.on(name, () => heard.push(name))
  events.on('outage', ({ cause }) => causes.push(cause))
  const budget = withBudget({ enforcer, budget: 'main', failMode, events, storeTimeoutMs: 10_000, awaitCapture: true })
  const agent = compose(withCostProfile({ defaultCost: 10 }), budget)
  const place = { file, own, other: await openHandle(file) }
  const call = async (work: () => void = () => {}) => {
    const { kind } = await agent.run({ tool: 't' }, () => (work(), { content: [] }))
    return kind
  }
  const expectSpent = async (spent: number): Promise<void> => {
    const view = await enforcer.describe('main')
    expect(view).toMatchObject({ spent, available: 100 - spent, held: 0, debt: 0 })
    expect(await unlikeLedger(booksOf(enforcer), 'default/main')).toEqual([])
    place.other.close()
    await enforcer.shutdown()
  }
  return { place, call, budget, heard, causes, expectSpent }
}

describe.each(LOSSES)('a file that $name while calls are made', (loss) => {
  test('refuses every call under `closed`, changes nothing, and is used again when it is back [I13, I16, L-S25]', async () => {
    const { place, call, heard, causes, expectSpent } = await setUp(loss, 'closed')
    expect(await call()).toBe('result')
    loss.lose(place)
    expect([await call(), await call()]).toEqual(['refused', 'refused'])
    expect(heard).toContain('outage')
    expect(causes).toEqual([
      expect.objectContaining({ code: 'store_unavailable' }),
      expect.objectContaining({ code: 'store_unavailable' }),
    ])
    loss.find(place)
    expect(await call()).toBe('result')
    await expectSpent(20)
  })

  test('is paid later under `open`, up to the limit, and once [I13, I16, I3, I7, R1]', async () => {
    const { place, call, budget, heard, expectSpent } = await setUp(loss, { open: { limit: 20 } })
    loss.lose(place)
    expect([await call(), await call(), await call()]).toEqual(['result', 'result', 'refused'])
    loss.find(place)
    await budget.flush()
    expect(heard).toEqual(expect.arrayContaining(['outage', 'recovered']))
    await expectSpent(20)
  })

  test('keeps no result back, and is told of the charge later, once [I13, I16, R1, R3]', async () => {
    const { place, call, budget, heard, expectSpent } = await setUp(loss, 'closed')
    expect(await call(() => loss.lose(place))).toBe('result')
    expect(heard).toContain('delayed')
    await budget.flush()
    loss.find(place)
    await budget.flush()
    await budget.flush()
    await expectSpent(10)
  })
})
