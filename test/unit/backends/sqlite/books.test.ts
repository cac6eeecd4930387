import { expect, test } from 'vitest'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'

test('the books of SQLite tell of 100 holds by their ids, and refuse more', async () => {
  const store = await SqliteBudgetEnforcer.open({ database: ':memory:' })
  try {
    await store.initialize('a', 9)
    const ids = Array.from({ length: 100 }, (_, n) => `h${n}`)
    await store.hold({ id: 'h99', lines: [{ budget: 'a', amount: 1 }], ttlMs: 60_000, onExpire: 'release' })
    const found = await store.books.holds({ partition: 'default', ids })
    expect(found.map(({ id, state }) => [id, state])).toEqual(ids.map((id) => [id, id === 'h99' ? 'open' : 'none']))
    await expect(store.books.holds({ partition: 'default', ids: ['h', ...ids] })).rejects.toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: 'Expected `ids.length` to be at most 100, got `101`',
      }),
    )
  } finally {
    await store.shutdown()
  }
})
