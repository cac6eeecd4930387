import { afterAll, describe, expect, test } from 'vitest'
import { newClient, newStore } from './store.js'
import { simulate } from '../../../src/testing/index.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const client = newClient()

afterAll(() => client.disconnect())

describe('simulated histories', () => {
  test(
    'break no rule on Redis [I1] [I2] [I3] [I4] [I5] [I7] [R1] [R2]',
    async () => {
      for (let seed = 1; seed <= (LONG ? 10_000 : 300); seed++) {
        const { violation } = await simulate({ seed, store: ({ clock }) => newStore(client, { clock }) })
        expect(violation, `seed ${seed}`).toBeUndefined()
      }
    },
    LONG ? 3_600_000 : 240_000,
  )
})
