import { describe, expect, test } from 'vitest'
import { chargeIdTime, mintChargeId } from '../../../src/core/ids.js'

describe('a charge id', () => {
  test('is minted once, and says when [L-P6, L-S11]', () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => mintChargeId(1_800_000_000_000 + i))
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.map(chargeIdTime)).toEqual(ids.map((_, i) => 1_800_000_000_000 + i))
  })

  test('is short and plain enough for any store', () => {
    expect(mintChargeId(Date.now())).toMatch(/^[0-9a-z]{8,9}-[0-9a-z]{4,40}-[0-9a-z]{1,11}$/)
  })

  test.each(['', '1', 'constructor', 'abc-def-1', `${'z'.repeat(40)}-${'0'.repeat(28)}-1`, `x\n${mintChargeId(1e12)}`])(
    'is not %j, which says no time',
    (id) => {
      expect(chargeIdTime(id)).toBeUndefined()
    },
  )
})
