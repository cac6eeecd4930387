import { describe, expect, test } from 'vitest'
// #region imports
import { Pool } from 'pg'
import { PostgresBudgetEnforcer } from 'mcp-budget/postgres'
// #endregion imports

describe('the code of the guide to PostgreSQL', () => {
  test('opens a store with a pool of `pg`, and says when nobody answers', async () => {
    const open = async () => {
      const options = { connectionString: 'postgres://nobody@127.0.0.1:1/none', connectionTimeoutMillis: 2_000 }
      // #region postgres
      const pool = new Pool(options)
      pool.on('error', (error) => console.error(error.message))
      const enforcer = await PostgresBudgetEnforcer.open({ pool })
      await enforcer.initialize('agent-1', 1_000)
      // #endregion postgres
    }
    await expect(open()).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})
