import { expect, test } from 'vitest'
import { callRecord } from '../../support/array-ledger.js'
import { newClient, newStore } from '../redis/store.js'

// Two tools whose names only look like half of a character were counted as one, under a name that neither has.
test.each(['\\ud800', '\\\\udfff"\\', '\u0001\\1', '%1\\u0000'])(
  'calls of the tool `%s` are folded under its name',
  async (tool) => {
    const client = newClient()
    const { ledger } = newStore(client, { maxEntries: 1 })
    for (let n = 0; n < 3; n++) await ledger.append([callRecord({ budgets: [], tool })])
    expect(await ledger.entries({ kind: 'calls' })).toMatchObject([{ tool, calls: 2 }])
    client.disconnect()
  },
)
