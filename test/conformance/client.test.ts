import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildPrograms } from '../support/build-programs.js'
import { newerNode } from '../support/newer-node.js'
import { PRICE } from './price.js'
import { requiredScenarios } from './requirements.js'
import { type ClientRun, runClientLeg, type Suite } from './client-leg.js'
import { failing } from './summary.js'
import type { Leg } from './leg.js'

const LEGS: ReadonlyArray<Leg & { required: number }> = [
  { sdk: 'v1', revision: '2025-11-25', required: 18 },
  { sdk: 'v2', revision: '2025-11-25', required: 18 },
  { sdk: 'v2', revision: '2026-07-28', required: 32 },
]
const named = <T extends Leg>(leg: T) => [`an SDK ${leg.sdk} client in the suite for ${leg.revision}`, leg] as const
const TIMEOUT = 180_000

let suite: Suite
beforeAll(async () => {
  const node = await newerNode()
  const built = await buildPrograms('test/conformance/client.ts')
  suite = { node, client: join(built.folder, 'client.js') }
  return built.remove
}, TIMEOUT)

describe.each(LEGS.map(named))('%s', (_, leg) => {
  let bare: ClientRun

  beforeAll(async () => {
    bare = await runClientLeg(suite, leg)
  }, TIMEOUT)

  test('passes every required scenario unwrapped', async () => {
    const required = await requiredScenarios(leg.revision, 'client')
    expect(required).toHaveLength(leg.required)
    expect(Object.keys(bare.summary)).toEqual(expect.arrayContaining(required))
    expect(
      failing(bare.summary).filter((name) => required.includes(name)),
      bare.table,
    ).toEqual([])
    expect(bare.exitCode, bare.table).toBe(0)
  })

  test.each([
    ['an enforcer that answers at once', '--wrap'],
    ['an enforcer that answers later', '--wrap-async'],
  ] as const)('has the same summary behind %s, and pays for its calls', { timeout: TIMEOUT }, async (_store, seat) => {
    const wrapped = await runClientLeg(suite, leg, seat)
    expect(wrapped.summary, wrapped.table).toEqual(bare.summary)
    expect(wrapped.exitCode, wrapped.table).toBe(0)
    expect(wrapped.journal.map((entry) => entry.scenario).sort()).toEqual(Object.keys(bare.summary).sort())
    for (const entry of wrapped.journal) {
      const story = JSON.stringify(entry)
      expect(entry.spent, story).toBe(PRICE * entry.ran)
      expect(entry.held, story).toBe(0)
    }
  })
})
