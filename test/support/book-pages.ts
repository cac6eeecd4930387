import { expect } from 'vitest'
import { FakeClock } from 'mcp-budget/testing'
import { mintChargeId } from '../../src/core/ids.js'
import type { BookedHold } from '../../src/ledger/books.js'
import type { TamperPlace } from './tamper-rules.js'

// Names that begin alike, in two partitions, the first of which is on several pages.
const BUDGETS = ['t/a', 't/a-b', 't/a0', 't/aa', 't/b', 'u/a', 'u/b']

/** Reads the budgets of a store, and their forfeited leases, by pages of every length. */
export async function bookPages({ open, sql }: TamperPlace): Promise<void> {
  const clock = new FakeClock()
  const store = await open(clock)
  try {
    const leases = BUDGETS.flatMap((budget) => [budget, budget]).map((budget) => ({
      budget,
      id: mintChargeId(clock.now()),
    }))
    for (const budget of BUDGETS) await store.initialize(budget, 100)
    for (const lease of leases) await store.lease({ ...lease, instance: 'i', least: 1, most: 9, ttlMs: 1_000 })
    clock.advance(1_001)
    for (const budget of BUDGETS) expect((await store.describe(budget)).leases ?? 0).toBe(0)
    const pages = async (limit: number) => {
      const found: Array<{ readonly budgets: readonly string[]; readonly forfeited: readonly BookedHold[] }> = []
      for (let cursor: string | undefined; ;) {
        const { rows, forfeited, next } = await store.books.budgets({ cursor, limit })
        found.push({ budgets: rows.map(({ view }) => view.budget), forfeited })
        if (next === undefined) return found
        cursor = next
      }
    }
    for (let limit = 1; limit <= BUDGETS.length + 1; limit++) {
      const found = await pages(limit)
      expect(found.flatMap(({ budgets }) => budgets)).toEqual(BUDGETS)
      for (const { budgets, forfeited } of found) {
        const ids = leases.filter(({ budget }) => budgets.includes(budget)).map(({ id }) => id)
        expect(forfeited.map(({ id }) => id).sort()).toEqual(ids.sort())
      }
    }
    const lines = ['a', 'u/b', 't/a9', 't/zz', '', '~', '"'].map((name) => `{"lines":[["${name}",9,null,null]]}`)
    for (const body of [...lines, '{}', '', ' {', '{"lines": [["t/a"', '~']) {
      const [, , lease] = leases
      await sql(`UPDATE :holds SET "body" = '${body}' WHERE "id" = '${lease?.id ?? ''}'`)
      for (let limit = 1; limit <= BUDGETS.length + 1; limit++) {
        const ids = (await pages(limit)).flatMap(({ forfeited }) => forfeited.map(({ id }) => id))
        expect(ids.sort()).toEqual(leases.map(({ id }) => id).sort())
      }
    }
  } finally {
    await store.shutdown()
  }
}
