import { afterAll, describe, expect, test } from 'vitest'
import { enforcerConformance, simulate } from '../../src/testing/index.js'
import { MemoryLedger } from '../../src/ledger/memory-ledger.js'
import { PLANTED } from './planted.js'
import { PLANTED_TOKENS } from './planted-tokens.js'
import type { HoldingEnforcer } from '../../src/budget/enforcer.js'

const SEEDS = 1_000

describe('a planted mistake', () => {
  const found: string[] = []
  afterAll(() => console.log(`Planted mistakes, and where they were found:\n${found.join('\n')}`))

  test.each(Object.entries(PLANTED))('is found by the simulation within 1,000 seeds: %s [R4]', async (name, store) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violation } = await simulate({ seed, store })
      if (violation === undefined) continue
      found.push(`  ${name}: seed ${seed}, ${violation.rule}`)
      expect(violation.rule).not.toBe('fault')
      return
    }
    expect.unreachable(`${name} was not found in ${SEEDS} seeds`)
  })

  test.each(Object.entries(PLANTED))('is found by the conformance kit: %s [L-P30]', async (_name, store) => {
    const ledgers = new WeakMap<HoldingEnforcer, MemoryLedger>()
    const cases = enforcerConformance({
      create(clock) {
        const ledger = new MemoryLedger()
        const planted = store({ clock, ledger })
        ledgers.set(planted, ledger)
        return planted
      },
      ledger: (planted) => ledgers.get(planted)?.entries() ?? [],
    })
    const results = await Promise.allSettled(cases.map((each) => each.run()))
    expect(results.some(({ status }) => status === 'rejected')).toBe(true)
  })

  test.each(Object.entries(PLANTED_TOKENS))(
    'with tokens is found by the conformance kit: %s [L-P30]',
    async (_name, create) => {
      const cases = enforcerConformance({ create })
      const results = await Promise.allSettled(cases.map((each) => each.run()))
      expect(results.some(({ status }) => status === 'rejected')).toBe(true)
    },
  )
})
