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

// Its turn to fold would have come later, and from then on no call of its partition could be recorded.
test('a record of a call that could not be read when it folds is refused, and stops no other', async () => {
  const client = newClient()
  const { ledger } = newStore(client, { maxEntries: 1 })
  const more: unknown = JSON.parse('['.repeat(1_100) + ']'.repeat(1_100))
  const deep = { ...callRecord({ budgets: [] }), more }
  await expect(ledger.append([deep])).rejects.toMatchObject({ code: 'invalid_request' })
  for (let n = 0; n < 3; n++) await ledger.append([callRecord({ budgets: [] })])
  expect(await ledger.entries({ kind: 'calls' })).toMatchObject([{ calls: 2 }])
  client.disconnect()
})
