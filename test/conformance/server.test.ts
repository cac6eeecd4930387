import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildPrograms } from '../support/build-programs.js'
import { newerNode } from '../support/newer-node.js'
import { requiredScenarios } from './requirements.js'
import { runServerLeg, type ServerRun, type Suite } from './server-leg.js'
import { failing } from './summary.js'
import { PRICE } from './price.js'
import type { Leg } from './leg.js'
import type { SeatName } from './metered-server.js'

interface ServerLeg extends Leg {
  readonly required: number
  /** Where its calls can be metered. */
  readonly seats: readonly SeatName[]
}

// On 2026-07-28 the SDK makes a transport for each request, and gives nobody the chance to wrap it.
const LEGS: readonly ServerLeg[] = [
  { sdk: 'v1', revision: '2025-11-25', required: 30, seats: ['server', 'transport'] },
  { sdk: 'v2', revision: '2025-11-25', required: 30, seats: ['server', 'transport'] },
  { sdk: 'v2', revision: '2026-07-28', required: 37, seats: ['server', 'factory'] },
]
const named = <T extends Leg>(leg: T) => [`an SDK ${leg.sdk} server in the suite for ${leg.revision}`, leg] as const
const TIMEOUT = 180_000

let suite: Suite
beforeAll(async () => {
  const node = await newerNode()
  const built = await buildPrograms('test/conformance/server.ts')
  suite = { node, server: join(built.folder, 'server.js') }
  return built.remove
}, 180_000)

describe.each(LEGS.map(named))('%s', (_, leg) => {
  let bare: ServerRun

  beforeAll(async () => {
    bare = await runServerLeg(suite, leg)
  }, TIMEOUT)

  test('passes every required scenario unwrapped', async () => {
    const required = await requiredScenarios(leg.revision, 'server')
    expect(required).toHaveLength(leg.required)
    expect(Object.keys(bare.summary)).toEqual(expect.arrayContaining(required.map((name) => `server-${name}`)))
    expect(
      failing(bare.summary).filter((name) => required.includes(name.replace(/^server-/, ''))),
      bare.table,
    ).toEqual([])
    expect([bare.exitCode, bare.serverExit], bare.table).toEqual([0, 0])
    expect(bare.calls.ran, bare.table).toBeGreaterThan(10)
  })

  test.each(leg.seats.flatMap((seat) => (['sync', 'async'] as const).map((store) => [seat, store] as const)))(
    'has the same summary behind the %s seat on a store that is %s, and is paid for its calls',
    { timeout: TIMEOUT },
    async (seat, store) => {
      const wrapped = await runServerLeg(suite, leg, [seat, store])
      expect(wrapped.summary, wrapped.table).toEqual(bare.summary)
      expect([wrapped.exitCode, wrapped.serverExit], wrapped.table).toEqual([0, 0])
      // Once its handler was entered a call is paid for, also where the error denies it. A transport sees no handlers.
      const { ran, denied, waiting, spent, held } = wrapped.calls
      const story = JSON.stringify(wrapped.calls)
      expect(ran, story).toBe(bare.calls.ran)
      expect(spent, story).toBe(PRICE * (ran + (seat === 'transport' ? 0 : denied)))
      // The rounds of a call are one call, and what was asked back is kept for its next round.
      expect(held, story).toBe(PRICE * waiting)
    },
  )
})
