import { expect, test } from 'vitest'
import { MemoryLedger } from '../../../src/ledger/memory-ledger.js'
import { withLedger } from '../../../src/ledger/with-ledger.js'

test('withLedger refuses a setting that it does not know, and names those that it knows', () => {
  const options = { ledger: new MemoryLedger(), event: undefined }
  expect(() => withLedger(options)).toThrow(
    expect.objectContaining({
      code: 'invalid_config',
      message:
        'Expected `options` to be an object with `ledger`, `auditRequired`, `storeTimeoutMs`, `enforce`, `events`, `clock`, got one with the key "event" (string)',
    }),
  )
})
